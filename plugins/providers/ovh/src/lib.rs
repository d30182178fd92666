//! OVHcloud's Public Cloud: OpenStack, with one Keystone for all regions.
//!
//! Hosts get their public address by a nic of their own in `Ext-Net`. Where a region has gateways, floating
//! addresses work too, and `public-address-mode` says so. OVHcloud's own API is not used.

use skywright_openstack_family::{Gpus, Profile, RateLimit, Reach, Speed};

#[cfg(test)]
mod test;

const fn gpus(flavors: &'static str, count: u32, model: &'static str) -> Gpus {
    Gpus { flavors, count, model }
}

const fn rate(bucket: &'static str) -> RateLimit {
    RateLimit { bucket, requests: 20, period_ms: 1000, in_flight: 8 }
}

/// OVHcloud.
const PROFILE: Profile = Profile {
    name: "ovh",
    title: "OVHcloud Public Cloud",
    documentation: "Log in with a user of the project (as its openrc file names it), an application credential, \
        or a token; project-id is the project's id of 32 digits. The region must be named, such as GRA11. \
        Hosts get their public address by a nic in Ext-Net; in regions with gateways, \
        public-address-mode=floating uses floating addresses instead.",
    hidden_settings: &["service-endpoint", "service-domain"],
    required_settings: &["region"],
    setting_defaults: &[
        ("external-network", "Ext-Net"),
        ("public-address-mode", "extra-nic"),
        ("dns-servers", "213.186.33.99"),
    ],
    auth_url: Some("https://auth.cloud.ovh.net/v3"),
    endpoints: &[
        Reach { name: "identity", pattern: "{auth-url}", identity: true },
        Reach { name: "keystone-host", pattern: "{auth-url.scheme}://{auth-url.host}:*", identity: false },
        // S3 among them.
        Reach { name: "services", pattern: "https://*.cloud.ovh.net", identity: false },
        Reach { name: "s3", pattern: "{s3-endpoint}", identity: false },
    ],
    // As published: Keystone's limit is a user's, the others are a project's.
    rates: &[
        RateLimit { bucket: "identity", requests: 60, period_ms: 60_000, in_flight: 2 },
        rate("compute"),
        rate("network"),
        rate("image"),
        rate("block-storage"),
        rate("object-store"),
    ],
    // Windows needs a licence of its own; a flex flavor is another one with a smaller disk.
    hidden_flavors: &["win-*", "*flex"],
    gpu_families: &[
        gpus("t1-45", 1, "Tesla V100"),
        gpus("t1-90", 2, "Tesla V100"),
        gpus("t1-180", 4, "Tesla V100"),
        gpus("t2-45", 1, "Tesla V100S"),
        gpus("t2-90", 2, "Tesla V100S"),
        gpus("t2-180", 4, "Tesla V100S"),
        // Of the other sizes only that there is one.
        gpus("t1-*", 1, "Tesla V100"),
        gpus("t2-*", 1, "Tesla V100S"),
        gpus("g1-*", 1, "GTX 1070"),
        gpus("g2-*", 1, "GTX 1070"),
        gpus("g3-*", 1, "GTX 1080 Ti"),
    ],
    s3_endpoint: Some("https://s3.{region}.io.cloud.ovh.net"),
    volume_types: &[
        (Speed::Cold, &["classic"]),
        (Speed::Hdd, &["high-speed", "classic"]),
        (Speed::Ssd, &["high-speed-gen2", "high-speed"]),
    ],
    ..Profile::GENERIC
};

skywright_openstack_family::plugin!(Ovh: PROFILE);
