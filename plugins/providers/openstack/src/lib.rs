//! OpenStack clouds: Keystone v3, Nova, Neutron, Glance.

mod capabilities;
mod cloud;
mod description;
mod extra_specs;
mod fault;
mod identity;
mod image;
mod microversion;
mod operation;
mod scs_name;
mod service_catalog;
mod template;
#[cfg(test)]
mod tenant;
mod validation;
mod zone;

use skywright_sdk::catalog::{ImagePage, TemplatePage, Zone};
use skywright_sdk::prelude::*;

/// The plugin.
#[derive(Debug)]
pub struct Openstack;

skywright_sdk::provider!(Openstack: driver, catalog);

impl Driver for Openstack {
    fn describe() -> DriverInfo {
        description::driver_info()
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        validation::findings(&given)
    }

    fn capabilities_of(region: String) -> Result<Capabilities, Error> {
        capabilities::of_region(&region)
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        skywright_sdk::operation::poll::<operation::Change>(&token)
    }

    fn cancel(token: String) -> Result<Outcome, Error> {
        skywright_sdk::operation::cancel::<operation::Change>(&token)
    }
}

impl Catalog for Openstack {
    fn regions() -> Result<Vec<String>, Error> {
        Ok(cloud::Cloud::open()?.regions())
    }

    fn zones() -> Result<Vec<Zone>, Error> {
        zone::all()
    }

    fn templates(cursor: Option<String>) -> Result<TemplatePage, Error> {
        template::page(cursor.as_deref())
    }

    fn images(cursor: Option<String>) -> Result<ImagePage, Error> {
        image::page(cursor.as_deref())
    }
}
