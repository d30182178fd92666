//! `skywright:host/settings`: the tenant's settings, without secrets.

use crate::bindings::skywright::host::settings::Host;
use crate::guest::Guest;

impl Host for Guest {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.session.setting(&key).cloned())
    }
}
