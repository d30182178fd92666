//! A provider as the code above sees it: one async trait, typed, without an engine in sight.
//!
//! Each call runs in a fresh instance, so a provider holds nothing between two calls but what its session
//! keeps for it. Who implements [`Provider`] without a plugin, a test for instance, overrides what it has:
//! everything else answers as a plugin that lacks the function.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Instance as RawInstance, InstancePre};

pub use crate::bindings::exports::skywright::provider::{
    addresses, catalog, driver, hosts, keypairs, networks, object_storage, quotas, security_groups, volumes,
};
pub use crate::bindings::skywright::host::types::{Diagnostic, KeyValue, Severity};
pub use crate::bindings::skywright::provider::changes::{Outcome, Pending};
pub use crate::bindings::skywright::provider::intents::Intent;

use crate::bindings::skywright::host::types;
use crate::error::{Error, GuestError};
use crate::guest::Guest;
use crate::instance::Instance;
use crate::plugin::Plugin;
use crate::session::Session;

/// An answer on its way.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The provider of one tenant, in a loaded plugin.
#[derive(Clone)]
pub struct PluginProvider {
    plugin: Plugin,
    session: Arc<Session>,
}

impl PluginProvider {
    /// Runs this plugin with what the session lends.
    #[must_use]
    pub fn new(plugin: Plugin, session: Arc<Session>) -> Self {
        Self { plugin, session }
    }

    /// What the session lends.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }
}

/// Defines the trait, and its implementation by a plugin, from one table. A line reads: the method, its
/// arguments, its answer; then the function of the contract, and the generated call with the arguments as
/// that wants them.
macro_rules! provider {
    ($(
        $(#[$doc:meta])*
        $method:ident($($argument:ident: $ty:ty),*) -> $answer:ty = $name:literal $family:ident.$call:ident($($given:expr),*);
    )+) => {
        /// What a driver can be asked. The contract's text (`wit/provider`) says what each function does, and
        /// what is done already when it is asked again.
        ///
        /// Every function fails with [`Error::Guest`] where the cloud refuses, with [`Error::NoFunction`]
        /// where the provider lacks the family, and as [`Instance::call`] does.
        pub trait Provider: Send + Sync {
            /// The names of the families that it has, such as `hosts`.
            fn families(&self) -> Vec<String>;

            /// What lends the credentials that it names, if it names any.
            fn lender(&self) -> Option<&Session> {
                None
            }

            $(
                $(#[$doc])*
                fn $method<'a>(&'a self, $($argument: $ty),*) -> Call<'a, $answer> {
                    $(let _ = $argument;)*
                    Box::pin(async { Err(missing($name, Vec::new())) })
                }
            )+
        }

        impl Provider for PluginProvider {
            fn families(&self) -> Vec<String> {
                let exports = self.plugin.functions().iter();
                let mut families: Vec<_> = exports.filter_map(|f| f.family().map(str::to_owned)).collect();
                families.dedup();
                families
            }

            fn lender(&self) -> Option<&Session> {
                Some(&self.session)
            }

            $(
                fn $method<'a>(&'a self, $($argument: $ty),*) -> Call<'a, $answer> {
                    Box::pin(async move {
                        let mut instance = self.plugin.instantiate(&self.session).await?;
                        let guest = instance.family($name, |pre, store, raw| {
                            $family::GuestIndices::new(pre)?.load(store, raw)
                        })?;
                        let call = async |store: &mut Store<Guest>| guest.$call(store, $($given),*).await;
                        let answer = instance.run_typed($name, call).await;
                        self.session.remember().await;
                        Answer::from(answer?).0
                    })
                }
            )+
        }
    };
}

provider! {
    /// What it can do in a region.
    capabilities_of(region: &'a str) -> driver::Capabilities = "driver.capabilities-of" driver.call_capabilities_of(region);
    /// Looks how far a long change is.
    poll(token: &'a str) -> Outcome = "driver.poll" driver.call_poll(token);
    /// Gives a long change up.
    cancel(token: &'a str) -> Outcome = "driver.cancel" driver.call_cancel(token);
    /// What the driver has to say of settings.
    validate(settings: &'a [(String, String)]) -> Vec<Diagnostic> = "driver.validate" driver.call_validate(settings);

    /// The regions.
    regions() -> Vec<String> = "catalog.regions" catalog.call_regions();
    /// The zones of the tenant's region.
    zones() -> Vec<catalog::Zone> = "catalog.zones" catalog.call_zones();
    /// Host templates, a page.
    templates(cursor: Option<&'a str>) -> catalog::TemplatePage = "catalog.templates" catalog.call_templates(cursor);
    /// Images, a page.
    images(cursor: Option<&'a str>) -> catalog::ImagePage = "catalog.images" catalog.call_images(cursor);

    /// Makes a network.
    create_network(spec: &'a networks::NetworkSpec) -> Outcome = "networks.create" networks.call_create(spec);
    /// Reads a network.
    get_network(id: &'a str) -> networks::Network = "networks.get" networks.call_get(id);
    /// Networks, a page.
    list_networks(tags: &'a [KeyValue], cursor: Option<&'a str>) -> networks::NetworkPage = "networks.list" networks.call_list(tags, cursor);
    /// Replaces a network's tags.
    set_network_tags(id: &'a str, tags: &'a [KeyValue]) -> () = "networks.set-tags" networks.call_set_tags(id, tags);
    /// Deletes a network.
    delete_network(id: &'a str) -> Outcome = "networks.delete" networks.call_delete(id);
    /// Takes away what a network's create left.
    abandon_network(key: &'a str) -> Outcome = "networks.abandon" networks.call_abandon(key);
    /// Makes a subnet.
    create_subnet(spec: &'a networks::SubnetSpec) -> Outcome = "networks.create-subnet" networks.call_create_subnet(spec);
    /// Reads a subnet.
    get_subnet(id: &'a str) -> networks::Subnet = "networks.get-subnet" networks.call_get_subnet(id);
    /// Subnets, a page.
    list_subnets(network: Option<&'a str>, cursor: Option<&'a str>) -> networks::SubnetPage = "networks.list-subnets" networks.call_list_subnets(network, cursor);
    /// Replaces a subnet's tags.
    set_subnet_tags(id: &'a str, tags: &'a [KeyValue]) -> () = "networks.set-subnet-tags" networks.call_set_subnet_tags(id, tags);
    /// Deletes a subnet.
    delete_subnet(id: &'a str) -> Outcome = "networks.delete-subnet" networks.call_delete_subnet(id);
    /// Takes away what a subnet's create left.
    abandon_subnet(key: &'a str) -> Outcome = "networks.abandon-subnet" networks.call_abandon_subnet(key);

    /// Makes a security group.
    create_security_group(spec: &'a security_groups::SecurityGroupSpec) -> security_groups::SecurityGroup = "security-groups.create" security_groups.call_create(spec);
    /// Reads a security group.
    get_security_group(id: &'a str) -> security_groups::SecurityGroup = "security-groups.get" security_groups.call_get(id);
    /// Security groups, a page.
    list_security_groups(tags: &'a [KeyValue], cursor: Option<&'a str>) -> security_groups::SecurityGroupPage = "security-groups.list" security_groups.call_list(tags, cursor);
    /// Replaces a security group's tags.
    set_security_group_tags(id: &'a str, tags: &'a [KeyValue]) -> () = "security-groups.set-tags" security_groups.call_set_tags(id, tags);
    /// Adds a rule; its id.
    add_rule(group: &'a str, rule: &'a security_groups::Rule) -> String = "security-groups.add-rule" security_groups.call_add_rule(group, rule);
    /// Removes a rule.
    remove_rule(group: &'a str, rule: &'a str) -> () = "security-groups.remove-rule" security_groups.call_remove_rule(group, rule);
    /// Deletes a security group.
    delete_security_group(id: &'a str) -> () = "security-groups.delete" security_groups.call_delete(id);
    /// Takes away what a security group's create left.
    abandon_security_group(key: &'a str) -> () = "security-groups.abandon" security_groups.call_abandon(key);
    /// Puts a security group on a host.
    bind_security_group(group: &'a str, host: &'a str) -> () = "security-groups.bind" security_groups.call_bind(group, host);
    /// Takes a security group off a host.
    unbind_security_group(group: &'a str, host: &'a str) -> () = "security-groups.unbind" security_groups.call_unbind(group, host);

    /// Makes a host.
    create_host(spec: &'a hosts::HostSpec) -> Outcome = "hosts.create" hosts.call_create(spec);
    /// Reads a host.
    get_host(id: &'a str) -> hosts::Host = "hosts.get" hosts.call_get(id);
    /// Hosts, a page.
    list_hosts(tags: &'a [KeyValue], cursor: Option<&'a str>) -> hosts::HostPage = "hosts.list" hosts.call_list(tags, cursor);
    /// Deletes a host.
    delete_host(id: &'a str) -> Outcome = "hosts.delete" hosts.call_delete(id);
    /// Takes away what a host's create left.
    abandon_host(key: &'a str) -> Outcome = "hosts.abandon" hosts.call_abandon(key);
    /// Starts a host.
    start_host(id: &'a str) -> Outcome = "hosts.start" hosts.call_start(id);
    /// Stops a host.
    stop_host(id: &'a str, force: bool) -> Outcome = "hosts.stop" hosts.call_stop(id, force);
    /// Restarts a host.
    reboot_host(id: &'a str, force: bool) -> Outcome = "hosts.reboot" hosts.call_reboot(id, force);
    /// Gives a host another template.
    resize_host(id: &'a str, template: &'a str) -> Outcome = "hosts.resize" hosts.call_resize(id, template);
    /// Replaces a host's tags.
    set_host_tags(id: &'a str, tags: &'a [KeyValue]) -> () = "hosts.set-tags" hosts.call_set_tags(id, tags);
    /// The last lines of a host's console.
    host_console(id: &'a str, lines: u32) -> String = "hosts.console" hosts.call_console(id, lines);

    /// Gets a public address.
    allocate_address(intent: &'a Intent, tags: &'a [KeyValue]) -> addresses::PublicAddress = "addresses.allocate" addresses.call_allocate(intent, tags);
    /// Gives a public address to a host.
    associate_address(id: &'a str, host: &'a str) -> () = "addresses.associate" addresses.call_associate(id, host);
    /// Takes a public address from its host.
    dissociate_address(id: &'a str) -> () = "addresses.dissociate" addresses.call_dissociate(id);
    /// Gives a public address back.
    release_address(id: &'a str) -> () = "addresses.release" addresses.call_release(id);
    /// Takes away what an allocation left.
    abandon_address(key: &'a str) -> () = "addresses.abandon" addresses.call_abandon(key);
    /// Public addresses, a page.
    list_addresses(tags: &'a [KeyValue], cursor: Option<&'a str>) -> addresses::PublicAddressPage = "addresses.list" addresses.call_list(tags, cursor);
    /// Makes a virtual IP.
    create_virtual_ip(intent: &'a Intent, name: &'a str, subnet: &'a str, tags: &'a [KeyValue]) -> addresses::VirtualIp = "addresses.create-virtual-ip" addresses.call_create_virtual_ip(intent, name, subnet, tags);
    /// Reads a virtual IP.
    get_virtual_ip(id: &'a str) -> addresses::VirtualIp = "addresses.get-virtual-ip" addresses.call_get_virtual_ip(id);
    /// Virtual IPs, a page.
    list_virtual_ips(cursor: Option<&'a str>) -> addresses::VirtualIpPage = "addresses.list-virtual-ips" addresses.call_list_virtual_ips(cursor);
    /// Lets a host answer for a virtual IP.
    bind_virtual_ip(id: &'a str, host: &'a str) -> () = "addresses.bind-virtual-ip" addresses.call_bind_virtual_ip(id, host);
    /// Lets a host answer for a virtual IP no more.
    unbind_virtual_ip(id: &'a str, host: &'a str) -> () = "addresses.unbind-virtual-ip" addresses.call_unbind_virtual_ip(id, host);
    /// Deletes a virtual IP.
    delete_virtual_ip(id: &'a str) -> () = "addresses.delete-virtual-ip" addresses.call_delete_virtual_ip(id);
    /// Takes away what a virtual IP's create left.
    abandon_virtual_ip(key: &'a str) -> () = "addresses.abandon-virtual-ip" addresses.call_abandon_virtual_ip(key);

    /// Makes a volume.
    create_volume(spec: &'a volumes::VolumeSpec) -> Outcome = "volumes.create" volumes.call_create(spec);
    /// Reads a volume.
    get_volume(id: &'a str) -> volumes::Volume = "volumes.get" volumes.call_get(id);
    /// Volumes, a page.
    list_volumes(tags: &'a [KeyValue], cursor: Option<&'a str>) -> volumes::VolumePage = "volumes.list" volumes.call_list(tags, cursor);
    /// Replaces a volume's tags.
    set_volume_tags(id: &'a str, tags: &'a [KeyValue]) -> () = "volumes.set-tags" volumes.call_set_tags(id, tags);
    /// Deletes a volume.
    delete_volume(id: &'a str) -> Outcome = "volumes.delete" volumes.call_delete(id);
    /// Takes away what a volume's create left.
    abandon_volume(key: &'a str) -> Outcome = "volumes.abandon" volumes.call_abandon(key);
    /// Attaches a volume to a host.
    attach_volume(volume: &'a str, host: &'a str) -> Outcome = "volumes.attach" volumes.call_attach(volume, host);
    /// Detaches a volume from a host.
    detach_volume(volume: &'a str, host: &'a str) -> Outcome = "volumes.detach" volumes.call_detach(volume, host);
    /// Makes a volume larger.
    extend_volume(id: &'a str, size_gib: u32) -> Outcome = "volumes.extend" volumes.call_extend(id, size_gib);

    /// How the host reaches objects.
    object_access(renew: bool) -> object_storage::DataPlane = "object-storage.access" object_storage.call_access(renew);
    /// Makes a bucket.
    create_bucket(name: &'a str) -> object_storage::Bucket = "object-storage.create" object_storage.call_create(name);
    /// Buckets, a page.
    list_buckets(cursor: Option<&'a str>) -> object_storage::BucketPage = "object-storage.list" object_storage.call_list(cursor);
    /// Deletes a bucket.
    delete_bucket(name: &'a str) -> () = "object-storage.delete" object_storage.call_delete(name);

    /// Gives the cloud a public key.
    import_keypair(name: &'a str, public_key: &'a str) -> keypairs::Keypair = "keypairs.import" keypairs.call_import(name, public_key);
    /// Keypairs, a page.
    list_keypairs(cursor: Option<&'a str>) -> keypairs::KeypairPage = "keypairs.list" keypairs.call_list(cursor);
    /// Deletes a keypair.
    delete_keypair(id: &'a str) -> () = "keypairs.delete" keypairs.call_delete(id);

    /// How much the tenant may have.
    list_quotas() -> Vec<quotas::Quota> = "quotas.list" quotas.call_list();
}

/// What a generated call gave: most functions answer with a `result`, a few with the value alone.
struct Answer<T>(Result<T, Error>);

impl<T> From<Result<T, types::Error>> for Answer<T> {
    fn from(result: Result<T, types::Error>) -> Self {
        Self(result.map_err(|error| Error::Guest(Box::new(error.into()))))
    }
}

impl From<Vec<Diagnostic>> for Answer<Vec<Diagnostic>> {
    fn from(value: Vec<Diagnostic>) -> Self {
        Self(Ok(value))
    }
}

fn missing(function: &str, available: Vec<String>) -> Error {
    Error::NoFunction { function: function.to_owned(), available }
}

impl Instance {
    /// The typed functions of a family, if the plugin exports it as the contract has it.
    fn family<G>(
        &mut self,
        name: &str,
        load: impl FnOnce(&InstancePre<Guest>, &mut Store<Guest>, &RawInstance) -> wasmtime::Result<G>,
    ) -> Result<G, Error> {
        let (plugin, store, raw) = self.parts();
        load(plugin.pre(), store, raw)
            .map_err(|_| missing(name, plugin.functions().iter().map(|f| f.short_name()).collect()))
    }
}

impl From<types::Error> for GuestError {
    fn from(error: types::Error) -> Self {
        let types::Error { category, code, message, subject, http_status, retry, hint } = error;
        let printable = |text: String| crate::logbook::printable(&text);
        Self {
            category: category.into(),
            code: printable(code),
            message: printable(message),
            subject: subject.map(printable),
            http_status,
            retry_after: match retry {
                types::Retry::Never => None,
                types::Retry::AfterMs(ms) => Some(std::time::Duration::from_millis(ms)),
            },
            hint: hint.map(printable),
        }
    }
}

impl From<types::Category> for skywright_contract::Category {
    fn from(category: types::Category) -> Self {
        match category {
            types::Category::InvalidRequest => Self::InvalidRequest,
            types::Category::Unauthenticated => Self::Unauthenticated,
            types::Category::Forbidden => Self::Forbidden,
            types::Category::NotFound => Self::NotFound,
            types::Category::AlreadyExists => Self::AlreadyExists,
            types::Category::Conflict => Self::Conflict,
            types::Category::Quota => Self::Quota,
            types::Category::Capacity => Self::Capacity,
            types::Category::RateLimited => Self::RateLimited,
            types::Category::Unavailable => Self::Unavailable,
            types::Category::Timeout => Self::Timeout,
            types::Category::Cancelled => Self::Cancelled,
            types::Category::OutcomeUnknown => Self::OutcomeUnknown,
            types::Category::InUse => Self::InUse,
            types::Category::Unsupported => Self::Unsupported,
            types::Category::Internal => Self::Internal,
            types::Category::Other => Self::Other,
        }
    }
}
