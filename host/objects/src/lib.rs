//! Objects in buckets: bytes between this machine and a store, never through a plugin.
//!
//! A driver says where a tenant's objects live; the host resolves the names of credentials and hands
//! both to [`Store::open`]. From then on bytes flow between local files and the store, by way of the
//! same grant, certificate authorities, proxy and address guard as a plugin's own requests
//! ([`skywright_egress`]): a driver that names an endpoint outside the grant is refused before
//! anything is sent.
//!
//! # What is bounded
//!
//! Memory: an upload or download holds at most four parts of [`Settings::part_bytes`] (more for files
//! that would otherwise need more parts than a store takes); [`Plan`] holds the names of one folder and
//! one prefix. Requests at once: [`Settings::concurrent`]. Time: by progress, not by size.
//!
//! # Dropping a future
//!
//! Every future may be dropped. A download or archive that did not finish leaves no file behind; an
//! object that was not completely uploaded does not appear (on [`Protocol::Local`] as well). What may
//! stay are parts of an upload that the store keeps apart: on S3 until the bucket's lifecycle rule ends
//! them, on Swift below `.segments/` until the object is written or deleted again.
//!
//! # What is not guaranteed
//!
//! - Names: those with an empty, `.` or `..` segment, a leading `/`, blanks at either end or control
//!   characters are refused, also where a store takes them ([`ObjectName`]); listings show them, but for a leading `/`,
//!   which the library underneath takes away.
//! - Two uploads to one Swift object at once may leave it without some of its segments.
//! - A store's ETag is the MD5 of the content only for objects that were sent in one part and are not
//!   encrypted with a key of the store's; see [`Compare`].

mod archive;
mod clear;
mod credentials;
mod error;
mod folder;
mod list;
mod name;
mod operator;
mod plan;
mod plane;
mod presign;
mod progress;
mod segment;
mod store;
mod sync;
mod transfer;
mod transport;

pub use archive::Archived;
pub use clear::Cleared;
pub use credentials::{Credentials, CredentialsError, Keys, StaticCredentials};
pub use error::{Error, Failure, FailureKind, Operation};
pub use list::{Entry, EntryKind, Lister};
pub use name::{BucketName, NameError, ObjectName, Prefix};
pub use plan::{Action, Compare, Direction, Plan, Reason, Skipped, Step, SyncOptions};
pub use plane::{DataPlane, Network, Protocol, Settings};
pub use presign::{PresignedAction, PresignedUrl};
pub use progress::{Progress, Watch};
pub use store::{Bucket, Reader, Store};
pub use sync::Synced;
pub use transfer::Transferred;
