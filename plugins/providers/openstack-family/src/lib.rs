//! What the drivers of OpenStack clouds have in common: everything but what a cloud is called, where it is
//! and what it offers, which is its [`Profile`].
//!
//! A driver is a crate of its own, a few lines long:
//!
//! ```
//! use skywright_openstack_family::Profile;
//!
//! skywright_openstack_family::plugin!(Example: Profile {
//!     name: "example",
//!     title: "Example Cloud",
//!     auth_url: Some("https://keystone.{region}.example.org/v3"),
//!     hidden_settings: &["auth-url"],
//!     ..Profile::GENERIC
//! });
//! ```

mod capabilities;
mod cloud;
mod description;
mod extra_specs;
mod families;
mod fault;
mod identity;
mod image;
mod microversion;
mod operation;
mod profile;
mod scs_name;
mod service_catalog;
mod template;
#[cfg(test)]
mod tenant;
mod validation;
mod zone;

pub use families::{Dialect, Provider};
pub use profile::{Gpus, LoginUser, Profile, RateLimit, Reach};
#[doc(hidden)]
pub use skywright_sdk;

/// Makes a provider of a [`Profile`]: a type of that name, which exports every family there is here. Once in a
/// crate.
#[macro_export]
macro_rules! plugin {
    ($name:ident: $profile:expr) => {
        /// What this plugin drives.
        #[derive(Debug)]
        pub enum OfThisCrate {}

        impl $crate::Dialect for OfThisCrate {
            const PROFILE: &'static $crate::Profile = &$profile;
        }

        /// The plugin.
        pub type $name = $crate::Provider<OfThisCrate>;

        $crate::skywright_sdk::provider!($name: driver, catalog);
    };
}
