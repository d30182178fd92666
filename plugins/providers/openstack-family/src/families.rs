//! The families of the contract, each by the modules that know it. Every one is called with the dialect's
//! profile as the current one.

use std::fmt;
use std::marker::PhantomData;

use skywright_sdk::addresses::{PublicAddress, PublicAddressPage, VirtualIp, VirtualIpPage};
use skywright_sdk::catalog::{ImagePage, TemplatePage, Zone};
use skywright_sdk::keypairs::{Keypair, KeypairPage};
use skywright_sdk::networks::{Network, NetworkPage, NetworkSpec, Subnet, SubnetPage, SubnetSpec};
use skywright_sdk::operation::{cancel, poll};
use skywright_sdk::prelude::*;
use skywright_sdk::security_groups::{Rule, SecurityGroup, SecurityGroupPage, SecurityGroupSpec};
use skywright_sdk::{Intent, addresses, keypairs, networks, security_groups};

use crate::network_api::NetworkApi;
use crate::operation::Change;
use crate::profile::{self, Profile};
use crate::{
    capabilities, cloud, description, floating_ip, image, keypair, security_group, template, validation,
    virtual_ip, zone,
};

/// One kind of OpenStack cloud; [`plugin!`](crate::plugin) makes it.
pub trait Dialect {
    /// What sets it apart.
    const PROFILE: &'static Profile;
}

/// The provider of a dialect.
pub struct Provider<D>(PhantomData<D>);

impl<D: Dialect> fmt::Debug for Provider<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&D::PROFILE.name).finish()
    }
}

/// Runs in the dialect.
pub(crate) fn of<D: Dialect, T>(work: impl FnOnce() -> T) -> T {
    D::PROFILE.scope(work)
}

impl<D: Dialect> Driver for Provider<D> {
    fn describe() -> DriverInfo {
        of::<D, _>(description::driver_info)
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        of::<D, _>(|| validation::findings(&given))
    }

    fn capabilities_of(region: String) -> Result<Capabilities, Error> {
        of::<D, _>(|| capabilities::of_region(&region))
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        of::<D, _>(|| poll::<Change>(&token))
    }

    fn cancel(token: String) -> Result<Outcome, Error> {
        of::<D, _>(|| cancel::<Change>(&token))
    }
}

impl<D: Dialect> Catalog for Provider<D> {
    fn regions() -> Result<Vec<String>, Error> {
        of::<D, _>(|| Ok(cloud::Cloud::open()?.regions()))
    }

    fn zones() -> Result<Vec<Zone>, Error> {
        of::<D, _>(zone::all)
    }

    fn templates(cursor: Option<String>) -> Result<TemplatePage, Error> {
        of::<D, _>(|| template::page(cursor.as_deref()))
    }

    fn images(cursor: Option<String>) -> Result<ImagePage, Error> {
        of::<D, _>(|| image::page(cursor.as_deref()))
    }
}

/// How the dialect makes networks.
fn api() -> &'static dyn NetworkApi {
    profile::current().networks
}

impl<D: Dialect> networks::Guest for Provider<D> {
    fn create(spec: NetworkSpec) -> Result<Outcome, Error> {
        of::<D, _>(|| api().create(&spec))
    }

    fn get(id: String) -> Result<Network, Error> {
        of::<D, _>(|| api().get(&id))
    }

    fn list(tags: Vec<KeyValue>, cursor: Option<String>) -> Result<NetworkPage, Error> {
        of::<D, _>(|| api().list(&tags, cursor.as_deref()))
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        of::<D, _>(|| api().set_tags(&id, &tags))
    }

    fn delete(id: String) -> Result<Outcome, Error> {
        of::<D, _>(|| api().delete(&id))
    }

    fn abandon(key: String) -> Result<Outcome, Error> {
        of::<D, _>(|| api().abandon(&key))
    }

    fn create_subnet(spec: SubnetSpec) -> Result<Outcome, Error> {
        of::<D, _>(|| api().create_subnet(&spec))
    }

    fn get_subnet(id: String) -> Result<Subnet, Error> {
        of::<D, _>(|| api().get_subnet(&id))
    }

    fn list_subnets(network: Option<String>, cursor: Option<String>) -> Result<SubnetPage, Error> {
        of::<D, _>(|| api().list_subnets(network.as_deref(), cursor.as_deref()))
    }

    fn set_subnet_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        of::<D, _>(|| api().set_subnet_tags(&id, &tags))
    }

    fn delete_subnet(id: String) -> Result<Outcome, Error> {
        of::<D, _>(|| api().delete_subnet(&id))
    }

    fn abandon_subnet(key: String) -> Result<Outcome, Error> {
        of::<D, _>(|| api().abandon_subnet(&key))
    }
}

impl<D: Dialect> security_groups::Guest for Provider<D> {
    fn create(spec: SecurityGroupSpec) -> Result<SecurityGroup, Error> {
        of::<D, _>(|| security_group::create(&spec))
    }

    fn get(id: String) -> Result<SecurityGroup, Error> {
        of::<D, _>(|| security_group::get(&id))
    }

    fn list(tags: Vec<KeyValue>, cursor: Option<String>) -> Result<SecurityGroupPage, Error> {
        of::<D, _>(|| security_group::list(&tags, cursor.as_deref()))
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        of::<D, _>(|| security_group::set_tags(&id, &tags))
    }

    fn add_rule(group: String, rule: Rule) -> Result<String, Error> {
        of::<D, _>(|| security_group::add_rule(&group, &rule))
    }

    fn remove_rule(_group: String, rule_id: String) -> Result<(), Error> {
        of::<D, _>(|| security_group::remove_rule(&rule_id))
    }

    fn delete(id: String) -> Result<(), Error> {
        of::<D, _>(|| security_group::delete(&id))
    }

    fn abandon(key: String) -> Result<(), Error> {
        of::<D, _>(|| security_group::abandon(&key))
    }

    fn bind(group: String, host: String) -> Result<(), Error> {
        of::<D, _>(|| security_group::bind(&group, &host))
    }

    fn unbind(group: String, host: String) -> Result<(), Error> {
        of::<D, _>(|| security_group::unbind(&group, &host))
    }
}

impl<D: Dialect> addresses::Guest for Provider<D> {
    fn allocate(intent: Intent, tags: Vec<KeyValue>) -> Result<PublicAddress, Error> {
        of::<D, _>(|| floating_ip::allocate(&intent, &tags))
    }

    fn associate(id: String, host: String) -> Result<(), Error> {
        of::<D, _>(|| floating_ip::associate(&id, &host))
    }

    fn dissociate(id: String) -> Result<(), Error> {
        of::<D, _>(|| floating_ip::dissociate(&id))
    }

    fn release(id: String) -> Result<(), Error> {
        of::<D, _>(|| floating_ip::release(&id))
    }

    fn abandon(key: String) -> Result<(), Error> {
        of::<D, _>(|| floating_ip::abandon(&key))
    }

    fn list(tags: Vec<KeyValue>, cursor: Option<String>) -> Result<PublicAddressPage, Error> {
        of::<D, _>(|| floating_ip::list(&tags, cursor.as_deref()))
    }

    fn create_virtual_ip(
        intent: Intent,
        name: String,
        subnet: String,
        tags: Vec<KeyValue>,
    ) -> Result<VirtualIp, Error> {
        of::<D, _>(|| virtual_ip::create(&intent, &name, &subnet, &tags))
    }

    fn get_virtual_ip(id: String) -> Result<VirtualIp, Error> {
        of::<D, _>(|| virtual_ip::get(&id))
    }

    fn list_virtual_ips(cursor: Option<String>) -> Result<VirtualIpPage, Error> {
        of::<D, _>(|| virtual_ip::list(cursor.as_deref()))
    }

    fn bind_virtual_ip(id: String, host: String) -> Result<(), Error> {
        of::<D, _>(|| virtual_ip::bind(&id, &host))
    }

    fn unbind_virtual_ip(id: String, host: String) -> Result<(), Error> {
        of::<D, _>(|| virtual_ip::unbind(&id, &host))
    }

    fn delete_virtual_ip(id: String) -> Result<(), Error> {
        of::<D, _>(|| virtual_ip::delete(&id))
    }

    fn abandon_virtual_ip(key: String) -> Result<(), Error> {
        of::<D, _>(|| virtual_ip::abandon(&key))
    }
}

impl<D: Dialect> keypairs::Guest for Provider<D> {
    fn import(name: String, public_key: String) -> Result<Keypair, Error> {
        of::<D, _>(|| keypair::import(&name, &public_key))
    }

    fn list(cursor: Option<String>) -> Result<KeypairPage, Error> {
        of::<D, _>(|| keypair::list(cursor.as_deref()))
    }

    fn delete(id: String) -> Result<(), Error> {
        of::<D, _>(|| keypair::delete(&id))
    }
}
