//! Buckets that are folders of this machine, and servers on this machine that speak HTTP/1.1 by hand.
//!
//! What they do not prove: how real stores word their answers; `rig` does that for Swift and for Swift's
//! S3. Amazon's own S3 is not asked anywhere here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "all/archive.rs"]
mod archive;
#[path = "all/faults.rs"]
mod faults;
#[path = "all/local.rs"]
mod local;
#[path = "all/rig.rs"]
mod rig;
#[path = "all/server.rs"]
mod server;
#[path = "all/stage.rs"]
mod stage;
#[path = "all/sync.rs"]
mod sync;
