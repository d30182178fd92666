//! What machines start from.

use serde::{Deserialize, Serialize};

/// An image, built on this machine from its own package sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its id: `debian-12`.
    pub id: String,
    /// For people.
    pub name: String,
    /// `debian`.
    pub os_family: String,
    /// `12`.
    pub os_version: String,
    /// Who has `sudo` without a password, and gets the login keys.
    pub login_user: String,
    /// It is there; otherwise the first machine of it waits some minutes.
    pub cached: bool,
    /// Its size, where it is there.
    pub size_bytes: Option<u64>,
    /// It runs cloud-config; otherwise user-data has to be a script.
    pub cloud_init: bool,
}
