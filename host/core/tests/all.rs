//! The broker with a cloud that is made up, so that it fails where it is told to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "all/addresses.rs"]
mod addresses;
#[path = "all/cloud.rs"]
mod cloud;
#[path = "all/groups.rs"]
mod groups;
#[path = "all/history.rs"]
mod history;
#[path = "all/labels.rs"]
mod labels;
#[path = "all/listings.rs"]
mod listings;
#[path = "all/reconcile.rs"]
mod reconcile;
#[path = "all/resize.rs"]
mod resize;
#[path = "all/survival.rs"]
mod survival;
#[path = "all/volumes.rs"]
mod volumes;
