//! What this driver says of itself.

use skywright_sdk::prelude::*;

/// The credential that a login captures. No setting has this name: a tenant's own secret is never
/// replaced by a captured one.
pub(crate) const SESSION: &str = "session";

/// The domain of user and project where none is given: every Keystone is born with it.
const DEFAULT_DOMAIN: &str = "Default";

pub(crate) fn driver_info() -> DriverInfo {
    DriverInfo {
        name: "openstack".to_owned(),
        title: "OpenStack".to_owned(),
        documentation:
            "Log in with user, password and project, with an application credential (which carries \
            its project), or with a token. Services on other hosts than Keystone's must be named by \
            service-endpoint or service-domain before they may be reached."
                .to_owned(),
        settings: settings(),
        endpoints: endpoints(),
        rates: rates(),
    }
}

pub(crate) fn settings() -> Vec<Setting> {
    let modes = ["floating", "extra-nic"];
    vec![
        Setting::url("auth-url", "Keystone, such as https://keystone.example.org:5000/v3").required(),
        Setting::text("region", "the region; may be left out where the cloud has one alone"),
        Setting::choice(
            "interface",
            &["public", "internal", "admin"],
            "which endpoints of the catalog to use",
        )
        .with_default("public"),
        Setting::text("user", "the user's name, for a login with a password"),
        Setting::text("user-domain", "the name of the user's domain").with_default(DEFAULT_DOMAIN),
        Setting::secret("password", "the user's password"),
        Setting::text("project-id", "the project, by its id"),
        Setting::text("project-name", "the project, by its name in project-domain"),
        Setting::text("project-domain", "the name of the project's domain").with_default(DEFAULT_DOMAIN),
        Setting::text("application-credential-id", "an application credential, by its id"),
        Setting::secret("application-credential-secret", "the application credential's secret"),
        Setting::secret("token", "a token of Keystone's, instead of a password"),
        Setting::url("service-endpoint", "an origin of services that is not on Keystone's host"),
        Setting::text(
            "service-domain",
            "a domain whose hosts are services of the cloud, such as cloud.ovh.net",
        ),
        Setting::choice("public-address-mode", &modes, "how hosts get a public address, if not as found out"),
        Setting::integer("create-parallelism", "hosts created at once").with_default("4"),
        Setting::integer("page-size", "entries asked for at once in a listing").with_default("100"),
    ]
}

fn endpoints() -> Vec<Endpoint> {
    let login = ["password", "application-credential-secret", "token", SESSION];
    vec![
        Endpoint::new("identity", "{auth-url}").with_credentials(&login),
        Endpoint::new("services", "{auth-url.scheme}://{auth-url.host}:*").with_credentials(&[SESSION]),
        Endpoint::new("service-endpoint", "{service-endpoint}").with_credentials(&[SESSION]),
        Endpoint::new("service-domain", "https://*.{service-domain}:*").with_credentials(&[SESSION]),
    ]
}

/// Operators choose their own limits; these are those that OVHcloud publishes, which nobody is below.
fn rates() -> Vec<Rate> {
    let rate = |bucket: &str, requests, period_ms, in_flight| Rate {
        bucket: bucket.to_owned(),
        requests,
        period_ms,
        in_flight,
    };
    vec![
        rate("identity", 60, 60_000, 2),
        rate("compute", 20, 1000, 8),
        rate("network", 20, 1000, 8),
        rate("image", 20, 1000, 8),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_lived_secrets_go_to_keystone_alone() {
        for endpoint in endpoints() {
            let expected = endpoint.name == "identity";
            assert_eq!(
                endpoint.credentials.iter().any(|name| name != SESSION),
                expected,
                "{}",
                endpoint.name
            );
        }
        assert!(settings().iter().all(|setting| setting.key != SESSION));
    }
}
