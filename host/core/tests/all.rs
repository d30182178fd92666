//! The broker with a cloud that is made up, so that it fails where it is told to.

#[path = "all/cloud.rs"]
mod cloud;
#[path = "all/survival.rs"]
mod survival;
