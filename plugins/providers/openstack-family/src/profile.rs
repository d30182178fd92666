//! What sets one OpenStack cloud apart from another.

use std::cell::Cell;

use skywright_sdk::prelude::*;
use skywright_sdk::volumes::Speed;

use crate::address_api::AddressApi;
use crate::network_api::{NetworkApi, Neutron};

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
    /// Defaults instead of the family's, by key; an empty one takes the family's away.
    pub setting_defaults: &'static [(&'static str, &'static str)],
    /// Settings that the family does not have.
    pub own_settings: fn() -> Vec<Setting>,
    /// Keystone, where the tenant gives no `auth-url`. `{region}` stands for the setting of that name.
    pub auth_url: Option<&'static str>,
    /// Regions whose Keystone and S3 are elsewhere than in the others.
    pub regions: &'static [RegionPlaces],
    /// The project, by its name, where the tenant names none. `{region}` stands for the setting of that name.
    pub default_project: Option<&'static str>,
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
    /// Versions of services whose URLs end in version and project, by type, whatever the catalog says of that.
    pub project_urls: &'static [(&'static str, &'static str)],
    /// Services that the catalog may not have, by type. `{region}` stands for the region.
    pub service_urls: &'static [(&'static str, &'static str)],
    /// S3, where it is not in the catalog. `{region}` stands for the tenant's region in lower case.
    pub s3_endpoint: Option<&'static str>,
    /// Whether Keystone makes keys for S3 (`OS-EC2`); if not, the tenant gives its own.
    pub makes_s3_keys: bool,
    /// Volume types of the speeds, the best first; of these the first that the region has. A speed that is not
    /// here is chosen by the names of the types.
    pub volume_types: &'static [(Speed, &'static [&'static str])],
    /// Neutron's extensions, by alias, where the cloud is not to be asked for them.
    pub network_extensions: Option<&'static [&'static str]>,
    /// Whether subnets may be of IPv6.
    pub ipv6: bool,
    /// Kinds of Neutron's that have no description, such as `port`: their intents stand in their names.
    pub undescribed: &'static [&'static str],
    /// Whether what Neutron keeps can carry tags. If not, those of a create are dropped, and the log says so.
    pub has_tags: bool,
    /// The address pair of IPv4 that lets a port send from any address.
    pub forward_pair: &'static str,
    /// What the owner of a virtual IP's port is called.
    pub virtual_ip_owner: &'static str,
    /// How networks and subnets are made.
    pub networks: &'static dyn NetworkApi,
    /// How public addresses are made, where that is not Neutron's way.
    pub addresses: Option<&'static dyn AddressApi>,
}

/// Where the services of one region are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionPlaces {
    /// The region's name.
    pub region: &'static str,
    /// Its Keystone.
    pub auth_url: &'static str,
    /// Its S3.
    pub s3_endpoint: &'static str,
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
        own_settings: Vec::new,
        auth_url: None,
        regions: &[],
        default_project: None,
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
        project_urls: &[],
        service_urls: &[],
        s3_endpoint: None,
        makes_s3_keys: true,
        volume_types: &[],
        network_extensions: None,
        ipv6: true,
        undescribed: &[],
        has_tags: true,
        forward_pair: "0.0.0.0/0",
        virtual_ip_owner: "skywright:virtual-ip",
        networks: &Neutron,
        addresses: None,
    };

    /// What is peculiar of a region.
    pub(crate) fn places(&self, region: &str) -> Option<&'static RegionPlaces> {
        self.regions.iter().find(|places| places.region == region)
    }

    /// Whether intents of a kind of Neutron's stand in its name.
    pub(crate) fn stamps_name(&self, kind: &str) -> bool {
        self.undescribed.contains(&kind)
    }

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
