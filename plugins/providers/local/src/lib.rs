//! Hosts on the very machine that Skywright runs on. The host makes them; this plugin says them in the words
//! of the contract, as any cloud's provider does.

mod address;
mod bindings;
mod catalog;
mod change;
mod description;
mod host;
mod network;
mod object_store;
mod quota;
mod security_group;
mod tag;
mod template;
mod volume;

use skywright_sdk::prelude::*;

use crate::change::Change;

/// The plugin.
#[derive(Debug)]
pub struct Local;

skywright_sdk::provider!(Local: driver, catalog, hosts, networks, security_groups, addresses, volumes, object_storage, quotas);

impl Driver for Local {
    fn describe() -> DriverInfo {
        description::driver_info()
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        settings::check(&description::driver_info().settings, &given)
    }

    fn capabilities_of(region: String) -> Result<Capabilities, Error> {
        description::capabilities(&region)
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        skywright_sdk::operation::poll::<Change>(&token)
    }

    fn cancel(token: String) -> Result<Outcome, Error> {
        skywright_sdk::operation::cancel::<Change>(&token)
    }
}
