//! Buckets: places for objects. What is in them moves without operations, see [`Tenancy::objects`](crate::Tenancy::objects).

mod change;
mod mount;
mod view;

use serde::{Deserialize, Serialize};

use super::mount::HostMount;
use super::record::{Body, Kind};

pub use change::{CreateBucket, DeleteBuckets};
pub use mount::{MountBucket, UnmountBucket};
pub use view::BucketView;

pub(super) use change::{PlannedBucket, PlannedBucketDeletion};
pub(super) use mount::{PlannedBucketMount, PlannedBucketUnmount, forget_host};

/// What is a bucket's alone. Its name is its id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BucketBody {
    /// Who has mounted it.
    #[serde(default)]
    pub mounts: Vec<HostMount>,
}

impl Body for BucketBody {
    const KIND: Kind = Kind::Bucket;
}
