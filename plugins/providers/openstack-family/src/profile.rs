//! What sets one OpenStack cloud apart from another.

use std::cell::Cell;

/// One kind of cloud, as constants. What is not said is as in [`Profile::GENERIC`]:
/// `Profile { name: "example", ..Profile::GENERIC }`.
///
/// What a tenant may want otherwise is a setting, and a dialect gives it another default: the external
/// network, how hosts get public addresses, name servers, volume types.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// The driver's name: lower-case letters, digits and hyphens.
    pub name: &'static str,
    /// The cloud's name, for people.
    pub title: &'static str,
    /// How a tenant logs in and what is peculiar, a few sentences.
    pub documentation: &'static str,
    /// Settings of the family that this dialect does not have, by key.
    pub hidden_settings: &'static [&'static str],
    /// Settings that must be given, beside the family's own, by key.
    pub required_settings: &'static [&'static str],
    /// Defaults instead of the family's, by key.
    pub setting_defaults: &'static [(&'static str, &'static str)],
    /// Keystone, where it is not the tenant's `auth-url`. `{region}` stands for the setting of that name.
    pub auth_url: Option<&'static str>,
    /// What may be reached, and with what.
    pub endpoints: &'static [Reach],
    /// What the cloud tolerates.
    pub rates: &'static [RateLimit],
    /// Flavors that are of no use to anybody here, by name; `*` at the beginning or the end stands for
    /// anything.
    pub hidden_flavors: &'static [&'static str],
    /// Graphics processors, where neither the extra specs nor the name in SCS's form tell of them. The first
    /// that fits counts.
    pub gpu_families: &'static [Gpus],
    /// Who logs in, where the image does not say so. The first that fits counts.
    pub login_users: &'static [LoginUser],
    /// S3, where it is not in the catalog. `{region}` stands for the tenant's region in lower case.
    pub s3_endpoint: Option<&'static str>,
}

/// A place that the driver must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Its name.
    pub name: &'static str,
    /// Its pattern, as the contract's `driver.endpoint` has it.
    pub pattern: &'static str,
    /// Whether it is Keystone, which gets passwords and the like; all others get the session's token alone.
    pub identity: bool,
}

/// Requests that the cloud tolerates of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The service's type, such as `compute`.
    pub bucket: &'static str,
    /// So many requests …
    pub requests: u32,
    /// … in so many milliseconds …
    pub period_ms: u32,
    /// … and so many at once.
    pub in_flight: u32,
}

/// The graphics processors of some flavors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpus {
    /// Which flavors, by name; `*` as in [`Profile::hidden_flavors`].
    pub flavors: &'static str,
    /// How many.
    pub count: u32,
    /// Of which model.
    pub model: &'static str,
}

/// Who logs in to hosts of some images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginUser {
    /// The distribution in lower case, such as `debian`.
    pub os_family: &'static str,
    /// The user's name.
    pub user: &'static str,
}

impl Profile {
    /// A cloud of which nothing is known but that it is OpenStack.
    pub const GENERIC: Self = Self {
        name: "openstack",
        title: "OpenStack",
        documentation: "Log in with user, password and project, with an application credential (which carries \
            its project), or with a token. Services on other hosts than Keystone's must be named by \
            service-endpoint or service-domain before they may be reached.",
        hidden_settings: &[],
        required_settings: &[],
        setting_defaults: &[],
        auth_url: None,
        endpoints: &[
            Reach { name: "identity", pattern: "{auth-url}", identity: true },
            Reach { name: "services", pattern: "{auth-url.scheme}://{auth-url.host}:*", identity: false },
            Reach { name: "s3", pattern: "{s3-endpoint}", identity: false },
            Reach { name: "service-endpoint", pattern: "{service-endpoint}", identity: false },
            Reach { name: "service-domain", pattern: "https://*.{service-domain}:*", identity: false },
        ],
        // Operators choose their own limits; these are those that OVHcloud publishes, which nobody is below.
        rates: &[
            RateLimit { bucket: "identity", requests: 60, period_ms: 60_000, in_flight: 2 },
            RateLimit { bucket: "compute", requests: 20, period_ms: 1000, in_flight: 8 },
            RateLimit { bucket: "network", requests: 20, period_ms: 1000, in_flight: 8 },
            RateLimit { bucket: "image", requests: 20, period_ms: 1000, in_flight: 8 },
            RateLimit { bucket: "block-storage", requests: 20, period_ms: 1000, in_flight: 8 },
            RateLimit { bucket: "object-store", requests: 20, period_ms: 1000, in_flight: 8 },
        ],
        hidden_flavors: &[],
        gpu_families: &[],
        login_users: &[],
        s3_endpoint: None,
    };

    /// Runs `work` with this as the [`current`] profile.
    pub(crate) fn scope<T>(&'static self, work: impl FnOnce() -> T) -> T {
        let _restore = Restore(CURRENT.replace(self));
        work()
    }
}

thread_local! {
    static CURRENT: Cell<&'static Profile> = const { Cell::new(&Profile::GENERIC) };
}

/// Puts back what was there before, also when the work panics.
struct Restore(&'static Profile);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The profile of the dialect that is being called. A component has one alone; a token that is polled and a
/// session that is renewed find it here without carrying it.
pub(crate) fn current() -> &'static Profile {
    CURRENT.get()
}

/// Whether a name fits a pattern with at most one `*` at each end.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("win-*", "win-b2-7") && fits("*-flex", "b2-7-flex") && fits("*gpu*", "a-gpu-b"));
        assert!(fits("b2-7", "b2-7") && fits("*", ""));
        assert!(!fits("win-*", "b2-7-win") && !fits("*-flex", "flex") && !fits("b2-7", "b2-7-flex"));
    }

    #[test]
    fn the_profile_before_is_the_profile_after() {
        static OTHER: Profile = Profile { name: "other", ..Profile::GENERIC };
        assert_eq!(OTHER.scope(|| current().name), "other");
        let panicked = std::panic::catch_unwind(|| OTHER.scope(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(current().name, "openstack");
    }
}
