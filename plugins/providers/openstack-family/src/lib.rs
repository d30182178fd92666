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

mod address_api;
mod backoff;
mod capabilities;
mod cloud;
mod description;
mod ec2;
mod external_network;
mod extra_specs;
mod families;
mod fault;
mod floating_ip;
mod host;
#[cfg(test)]
mod host_test;
mod identity;
mod image;
pub mod intent;
mod keypair;
mod links;
mod metadata;
mod microversion;
mod network;
mod network_api;
mod neutron;
mod object_store;
mod operation;
mod port;
mod profile;
mod quota;
mod router;
mod scs_name;
mod security_group;
mod security_group_rule;
mod server;
mod server_action;
mod server_address;
mod server_create;
mod server_delete;
mod server_port;
mod service_catalog;
mod subnet;
mod subnet_create;
mod subnet_delete;
mod tag;
mod template;
#[cfg(test)]
mod tenant;
mod validation;
mod virtual_ip;
mod volume;
mod volume_change;
mod volume_type;
mod zone;

pub use address_api::AddressApi;
pub use cloud::page_size;
pub use families::{Dialect, Provider};
pub use network_api::{NetworkApi, network_in_use, network_of_subnet, pending, project_api};
pub use profile::{Gpus, LoginUser, Profile, RateLimit, Reach, RegionPlaces};
#[doc(hidden)]
pub use skywright_sdk;
#[doc(no_inline)]
pub use skywright_sdk::volumes::Speed;

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

        $crate::skywright_sdk::provider!($name: driver, catalog, hosts, keypairs, networks, security_groups, addresses, volumes, quotas, object_storage);
    };
}
