//! `skywright:host/clock`: the session's time, in whole seconds.

use crate::bindings::skywright::host::clock::Host;
use crate::guest::Guest;

impl Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.session.now_s())
    }
}
