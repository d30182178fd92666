//! What Huawei's clouds have in common that sets them apart from OpenStack. The rest is OpenStack's: each is a
//! [`Profile`] that begins with [`HUAWEI`].
//!
//! What goes where:
//!
//! - **VPC v1** (`/v1/{project}` on Neutron's host): networks and subnets ([`vpc`]), because what Neutron's own API
//!   makes is in no VPC, and public addresses ([`eip`]), because they need a bandwidth and have no description.
//! - **Neutron v2.0**: ports, security groups, virtual IPs, and what a public address is at.
//! - **Nova, Cinder, Glance**: hosts, volumes, images, quotas.
//! - **OBS** speaks S3; its keys are the tenant's access keys, which Keystone's API does not make.
//!
//! A VPC is a network here. The id of a subnet is Neutron's (`neutron_subnet_id`), since that is what ports are made
//! with; VPC's own id of it is that of Neutron's network.

mod change;
mod cidr;
mod eip;
mod listing;
mod subnet;
#[cfg(test)]
mod test;
mod vpc;

use skywright_openstack_family::Profile;
use skywright_sdk::driver::Setting;

pub use eip::Eip;
pub use vpc::Vpc;

/// What all of them have. A dialect says its name, its addresses and its defaults.
pub const HUAWEI: Profile = Profile {
    // Their Keystone has no application credentials.
    hidden_settings: &[
        "service-endpoint",
        "service-domain",
        "application-credential-id",
        "application-credential-secret",
    ],
    required_settings: &["region", "user-domain"],
    own_settings: settings,
    // One project for each region bears its name.
    default_project: Some("{region}"),
    // Their catalogs have been seen with and without the project.
    project_urls: &[("compute", "v2.1"), ("block-storage", "v3")],
    makes_s3_keys: false,
    // What Neutron here can do, by its documentation: it does not list its extensions.
    network_extensions: Some(&["router", "allowed-address-pairs", "port-security"]),
    ipv6: false,
    undescribed: &["port", "floatingip"],
    has_tags: false,
    // That of all addresses is refused; this one, whatever its address, switches the check off.
    forward_pair: "1.1.1.1/0",
    virtual_ip_owner: "neutron:VIP_PORT",
    networks: &Vpc,
    addresses: Some(&Eip),
    ..Profile::GENERIC
};

/// The setting of how fast a public address may be.
const BANDWIDTH: &str = "bandwidth-mbit-s";

fn settings() -> Vec<Setting> {
    let description = "the bandwidth of each public address, in Mbit/s; traffic is what is paid for";
    vec![Setting::integer(BANDWIDTH, description).with_default("100")]
}
