//! The broker with a cloud that is made up, so that it fails where it is told to.

#[path = "all/cloud.rs"]
mod cloud;
#[path = "all/groups.rs"]
mod groups;
#[path = "all/labels.rs"]
mod labels;
#[path = "all/reconcile.rs"]
mod reconcile;
#[path = "all/survival.rs"]
mod survival;
#[path = "all/volumes.rs"]
mod volumes;
