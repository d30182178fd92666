//! Open Telekom Cloud: Huawei's cloud in Germany, the Netherlands and Switzerland.

use skywright_huawei_family::HUAWEI;
use skywright_openstack_family::{Profile, Reach, RegionPlaces};

#[cfg(test)]
mod test;

/// Open Telekom Cloud.
const PROFILE: Profile = Profile {
    name: "opentelekom",
    title: "Open Telekom Cloud",
    documentation: "Log in with user, password and the name of the domain (OTC-EU-DE- and twenty digits) as \
        user-domain, or with a token. The region is eu-de, eu-nl or eu-ch2; the project is the region's own, or \
        the sub-project that project-name names, such as eu-de_dev. \
        Access keys do not log in here; they are for object storage, as s3-access-key and s3-secret-key.",
    setting_defaults: &[
        ("user-domain", ""),
        ("project-domain", ""),
        ("external-network", "admin_external_net"),
        ("dns-servers", "100.125.4.25,100.125.129.199"),
        ("object-protocol", "s3"),
    ],
    auth_url: Some("https://iam.{region}.otc.t-systems.com/v3"),
    regions: &[RegionPlaces {
        region: "eu-ch2",
        auth_url: "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3",
        s3_endpoint: "https://obs.eu-ch2.sc.otc.t-systems.com",
    }],
    endpoints: &[
        Reach { name: "identity", pattern: "https://iam.{region}.otc.t-systems.com", identity: true },
        Reach {
            name: "identity-swiss",
            pattern: "https://iam-pub.{region}.sc.otc.t-systems.com",
            identity: true,
        },
        Reach { name: "identity-other", pattern: "{auth-url}", identity: true },
        Reach { name: "services", pattern: "https://*.{region}.otc.t-systems.com", identity: false },
        Reach { name: "services-swiss", pattern: "https://*.{region}.sc.otc.t-systems.com", identity: false },
        Reach { name: "services-other", pattern: "{auth-url.scheme}://{auth-url.host}:*", identity: false },
        Reach { name: "s3", pattern: "{s3-endpoint}", identity: false },
    ],
    service_urls: &[
        ("compute", "https://ecs.{region}.otc.t-systems.com"),
        ("network", "https://vpc.{region}.otc.t-systems.com"),
        ("image", "https://ims.{region}.otc.t-systems.com"),
        ("block-storage", "https://evs.{region}.otc.t-systems.com"),
    ],
    s3_endpoint: Some("https://obs.{region}.otc.t-systems.com"),
    ..HUAWEI
};

skywright_openstack_family::plugin!(Opentelekom: PROFILE);
