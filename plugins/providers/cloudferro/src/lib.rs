//! CloudFerro's clouds, and the brands on them such as CREODIAS: OpenStack, with one Keystone for WAW3-1,
//! WAW3-2 and FRA1-2.
//!
//! People's accounts are federated and ask for a second factor, which a program cannot give: a tenant logs in
//! with an application credential.

use skywright_openstack_family::{Profile, Reach};

#[cfg(test)]
mod test;

/// CloudFerro.
const PROFILE: Profile = Profile {
    name: "cloudferro",
    title: "CloudFerro",
    documentation: "Log in with an application credential, which is made in the web interface (Identity, \
        Application Credentials); it carries its project. Accounts of people are federated and have no \
        password here; user and password are for clouds that still take them. \
        The region is WAW3-1, WAW3-2 or FRA1-2. Keys for S3 come of Keystone, for which the application \
        credential must be made unrestricted, or are given as s3-access-key and s3-secret-key.",
    hidden_settings: &["service-endpoint", "service-domain"],
    setting_defaults: &[("external-network", "external"), ("dns-servers", "185.48.234.234,185.48.234.238")],
    auth_url: Some("https://keystone.cloudferro.com:5000/v3"),
    endpoints: &[
        Reach { name: "identity", pattern: "{auth-url}", identity: true },
        Reach { name: "keystone-host", pattern: "{auth-url.scheme}://{auth-url.host}:*", identity: false },
        // S3 and Swift among them, on one host for each region.
        Reach { name: "services", pattern: "https://*.cloudferro.com:*", identity: false },
        Reach { name: "s3", pattern: "{s3-endpoint}", identity: false },
    ],
    s3_endpoint: Some("https://s3.{region}.cloudferro.com"),
    ..Profile::GENERIC
};

skywright_openstack_family::plugin!(Cloudferro: PROFILE);
