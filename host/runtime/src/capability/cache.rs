//! `skywright:host/cache`: the session's small cache.

use crate::bindings::skywright::host::cache::Host;
use crate::guest::Guest;

impl Host for Guest {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        let now_s = self.session.now_s();
        Ok(self.session.with_cache(|cache| cache.get(&key, now_s)))
    }

    fn put(&mut self, key: String, value: Vec<u8>, ttl_s: u32) -> wasmtime::Result<()> {
        let expires_s = self.session.now_s().saturating_add(u64::from(ttl_s));
        self.session.with_cache(|cache| cache.put(key, value, expires_s));
        Ok(())
    }
}
