//! Buckets: places for objects. What is in them moves without operations, see [`Tenancy::objects`](crate::Tenancy::objects).

mod change;
mod view;

use serde::{Deserialize, Serialize};

use super::record::{Body, Kind};

pub use change::{CreateBucket, DeleteBuckets};
pub use view::BucketView;

pub(super) use change::{PlannedBucket, PlannedBucketDeletion};

/// What is a bucket's alone: nothing. Its name is its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BucketBody {}

impl Body for BucketBody {
    const KIND: Kind = Kind::Bucket;
}
