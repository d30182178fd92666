//! Where plugins are kept and how they are found. It reads plugins and never runs one.
//!
//! A [`Shelf`] is a folder of plugin files. Signatures, lock file and bundles are not there yet: a
//! plugin found here is as trustworthy as whoever may write to the folder, and every listing says
//! that it is unsigned.

mod error;
mod shelf;

pub use error::Error;
pub use shelf::{Found, Listed, Shelf, read_plugin};
