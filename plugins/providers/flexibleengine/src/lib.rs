//! Flexible Engine: Huawei's cloud at Orange Business. It takes no new customers and is closing.

use skywright_huawei_family::HUAWEI;
use skywright_openstack_family::{Gpus, Profile, Reach};

#[cfg(test)]
mod test;

/// Flexible Engine.
const PROFILE: Profile = Profile {
    name: "flexibleengine",
    title: "Flexible Engine",
    documentation: "Flexible Engine is closing: it takes no new contracts. \
        Log in with user, password and the name of the domain (OCB and seven digits) as user-domain, or with a \
        token. The region is eu-west-0; the project is the region's own, or the one that project-name names. \
        Access keys do not log in here; they are for object storage, as s3-access-key and s3-secret-key.",
    setting_defaults: &[
        ("user-domain", ""),
        ("project-domain", ""),
        ("external-network", "admin_external_net"),
        ("dns-servers", "100.125.0.41,100.126.0.41"),
        ("object-protocol", "s3"),
    ],
    auth_url: Some("https://iam.{region}.prod-cloud-ocb.orange-business.com/v3"),
    endpoints: &[
        Reach {
            name: "identity",
            pattern: "https://iam.{region}.prod-cloud-ocb.orange-business.com",
            identity: true,
        },
        Reach { name: "identity-other", pattern: "{auth-url}", identity: true },
        Reach {
            name: "services",
            pattern: "https://*.{region}.prod-cloud-ocb.orange-business.com",
            identity: false,
        },
        Reach { name: "services-other", pattern: "{auth-url.scheme}://{auth-url.host}:*", identity: false },
        Reach { name: "s3", pattern: "{s3-endpoint}", identity: false },
    ],
    // How many and which is not told anywhere.
    gpu_families: &[Gpus { flavors: "g1.*", count: 1, model: "NVIDIA" }],
    service_urls: &[
        ("compute", "https://ecs.{region}.prod-cloud-ocb.orange-business.com"),
        ("network", "https://vpc.{region}.prod-cloud-ocb.orange-business.com"),
        ("image", "https://ims.{region}.prod-cloud-ocb.orange-business.com"),
        ("block-storage", "https://evs.{region}.prod-cloud-ocb.orange-business.com"),
    ],
    s3_endpoint: Some("https://oss.{region}.prod-cloud-ocb.orange-business.com"),
    ..HUAWEI
};

skywright_openstack_family::plugin!(Flexibleengine: PROFILE);
