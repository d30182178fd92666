//! What this driver says of itself.

use skywright_sdk::prelude::*;

use crate::ec2;
use crate::profile::{self, RateLimit, Reach};

/// The credential that a login captures. No setting has this name: a tenant's own secret is never
/// replaced by a captured one.
pub(crate) const SESSION: &str = "session";

/// The keys for S3: those that are captured, and the tenant's own.
const S3_KEYS: [&str; 4] = [ec2::ACCESS, ec2::SECRET, ec2::OWN_ACCESS, ec2::OWN_SECRET];

/// The domain of user and project where none is given: every Keystone is born with it.
const DEFAULT_DOMAIN: &str = "Default";

pub(crate) fn driver_info() -> DriverInfo {
    let profile = profile::current();
    DriverInfo {
        name: profile.name.to_owned(),
        title: profile.title.to_owned(),
        documentation: profile.documentation.to_owned(),
        settings: settings(),
        endpoints: profile.endpoints.iter().map(endpoint).collect(),
        rates: profile.rates.iter().map(rate).collect(),
    }
}

/// The settings of the dialect: the family's, without those that it hides, with its own defaults.
pub(crate) fn settings() -> Vec<Setting> {
    let profile = profile::current();
    let mut settings = family_settings();
    settings.extend((profile.own_settings)());
    if let Some(url) = profile.auth_url
        && let Some(setting) = settings.iter_mut().find(|setting| setting.key == "auth-url")
    {
        setting.required = false;
        // One that depends on the region is no default that could be told.
        setting.default = (!url.contains('{')).then(|| url.to_owned());
        "Keystone, if it is another than the cloud's own".clone_into(&mut setting.description);
    }
    settings.retain(|setting| !profile.hidden_settings.contains(&setting.key.as_str()));
    for setting in &mut settings {
        setting.required |= profile.required_settings.contains(&setting.key.as_str());
        if let Some((_, default)) = profile.setting_defaults.iter().find(|(key, _)| *key == setting.key) {
            setting.default = (!default.is_empty()).then(|| (*default).to_owned());
        }
    }
    settings
}

fn family_settings() -> Vec<Setting> {
    let modes = ["floating", "extra-nic", "ephemeral"];
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
        Setting::text(
            "external-network",
            "the network that public addresses come from, by id or name; may be left out where there is one alone",
        ),
        Setting::text(
            "dns-servers",
            "name servers of new subnets, with commas between; the cloud's own if none",
        ),
        Setting::text("volume-types", "the volume types of the speeds, such as cold=SATA, hdd=SAS, ssd=SSD"),
        Setting::choice(
            "object-protocol",
            &["auto", "s3", "swift"],
            "how objects are reached: by S3 where it is there",
        )
        .with_default("auto"),
        Setting::url("s3-endpoint", "S3, where the catalog does not say where it is"),
        Setting::text("s3-region", "the region that S3 requests are signed for, if not the cloud's"),
        Setting::secret("s3-access-key", "an access key for S3, instead of one of Keystone's"),
        Setting::secret("s3-secret-key", "the secret key of s3-access-key"),
        Setting::integer("create-parallelism", "hosts created at once").with_default("4"),
        Setting::integer("page-size", "entries asked for at once in a listing").with_default("250"),
    ]
}

fn endpoint(reach: &Reach) -> Endpoint {
    let login = ["password", "application-credential-secret", "token", SESSION];
    let credentials = if reach.identity { &login[..] } else { &[SESSION] };
    let endpoint = Endpoint::new(reach.name, reach.pattern).with_credentials(credentials);
    // S3 may be on the host of any service.
    if reach.identity { endpoint } else { endpoint.with_credentials(&S3_KEYS) }
}

fn rate(limit: &RateLimit) -> Rate {
    Rate {
        bucket: limit.bucket.to_owned(),
        requests: limit.requests,
        period_ms: limit.period_ms,
        in_flight: limit.in_flight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn the_long_lived_secrets_go_to_keystone_alone() {
        for endpoint in driver_info().endpoints {
            let expected = endpoint.name == "identity";
            assert_eq!(
                endpoint.credentials.iter().any(|name| name != SESSION && !S3_KEYS.contains(&name.as_str())),
                expected,
                "{}",
                endpoint.name
            );
        }
        assert!(settings().iter().all(|setting| setting.key != SESSION));
    }

    #[test]
    fn a_dialect_has_the_settings_that_it_has() {
        static OTHER: Profile = Profile {
            hidden_settings: &["auth-url"],
            required_settings: &["region"],
            setting_defaults: &[("project-domain", "default")],
            ..Profile::GENERIC
        };
        let settings = OTHER.scope(settings);
        let named = |key: &str| settings.iter().find(|setting| setting.key == key);
        assert!(named("auth-url").is_none());
        assert!(named("region").unwrap().required && !named("user").unwrap().required);
        assert_eq!(named("project-domain").unwrap().default.as_deref(), Some("default"));
        assert_eq!(named("user-domain").unwrap().default.as_deref(), Some("Default"));
    }
}
