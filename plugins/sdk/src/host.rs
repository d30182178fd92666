//! The boundary to the host: imports on wasm; natively whatever stands in for it, such as a
//! [`replay::Recording`](crate::replay::Recording).

pub(crate) use lent::*;

#[cfg(target_arch = "wasm32")]
mod lent {
    pub(crate) use crate::bindings::host::skywright::host::cache::{get as cache_get, put as cache_put};
    pub(crate) use crate::bindings::host::skywright::host::clock::now;
    pub(crate) use crate::bindings::host::skywright::host::credentials::{
        available, forget, hmac_sha256, rs256, sha1_with,
    };
    pub(crate) use crate::bindings::host::skywright::host::http::send;
    pub(crate) use crate::bindings::host::skywright::host::log::write;
    pub(crate) use crate::bindings::host::skywright::host::settings::get as setting;
}

#[cfg(not(target_arch = "wasm32"))]
mod lent {
    use super::{Host, with_current};
    use crate::bindings::host::skywright::host::credentials::SignError;
    use crate::bindings::host::skywright::host::http::{HttpError, Request, Response};
    use crate::bindings::host::skywright::host::log::Level;

    const NO_HOST: &str = "nothing was sent: there is no host; run this inside `Recording::play`";

    pub(crate) fn send(request: &Request) -> Result<Response, HttpError> {
        with_current(|host| host.send(request)).unwrap_or_else(|| Err(HttpError::Invalid(NO_HOST.to_owned())))
    }

    pub(crate) fn setting(key: &str) -> Option<String> {
        with_current(|host| host.setting(key)).flatten()
    }

    pub(crate) fn write(level: Level, message: &str, fields: &[(String, String)]) {
        with_current(|host| host.write(level, message, fields));
    }

    pub(crate) fn cache_get(key: &str) -> Option<Vec<u8>> {
        with_current(|host| host.cache_get(key)).flatten()
    }

    pub(crate) fn cache_put(key: &str, value: &[u8], ttl_s: u32) {
        with_current(|host| host.cache_put(key, value, ttl_s));
    }

    pub(crate) fn now() -> u64 {
        with_current(|host| host.now()).unwrap_or_default()
    }

    pub(crate) fn available(name: &str) -> bool {
        with_current(|host| host.available(name)).unwrap_or_default()
    }

    pub(crate) fn forget(name: &str) {
        with_current(|host| host.forget(name));
    }

    fn sign<T>(work: impl FnOnce(&mut dyn Host) -> Result<T, SignError>) -> Result<T, SignError> {
        with_current(work).unwrap_or_else(|| Err(SignError::Unsupported(NO_HOST.to_owned())))
    }

    pub(crate) fn hmac_sha256(
        credential: &str,
        prefix: &str,
        steps: &[Vec<u8>],
    ) -> Result<Vec<u8>, SignError> {
        sign(|host| host.hmac_sha256(credential, prefix, steps))
    }

    pub(crate) fn rs256(credential: &str, message: &[u8]) -> Result<Vec<u8>, SignError> {
        sign(|host| host.rs256(credential, message))
    }

    pub(crate) fn sha1_with(credential: &str, before: &str, after: &str) -> Result<String, SignError> {
        sign(|host| host.sha1_with(credential, before, after))
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::{Host, with_host};

#[cfg(not(target_arch = "wasm32"))]
use native::with_current;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;
    use std::rc::Rc;

    use crate::bindings::host::skywright::host::credentials::SignError;
    use crate::bindings::host::skywright::host::http::{HttpError, Request, Response};
    use crate::bindings::host::skywright::host::log::Level;

    /// What stands in for the host natively. Each method is the import of the same name.
    pub trait Host {
        /// `http.send`.
        ///
        /// # Errors
        ///
        /// As the contract says.
        fn send(&mut self, request: &Request) -> Result<Response, HttpError>;
        /// `settings.get`.
        fn setting(&mut self, key: &str) -> Option<String>;
        /// `log.write`; dropped unless overridden.
        fn write(&mut self, level: Level, message: &str, fields: &[(String, String)]) {
            let _ = (level, message, fields);
        }
        /// `cache.get`; never there unless overridden.
        fn cache_get(&mut self, key: &str) -> Option<Vec<u8>> {
            let _ = key;
            None
        }
        /// `cache.put`; forgotten unless overridden.
        fn cache_put(&mut self, key: &str, value: &[u8], ttl_s: u32) {
            let _ = (key, value, ttl_s);
        }
        /// `clock.now`: seconds since the Unix epoch; 0 unless overridden.
        fn now(&mut self) -> u64 {
            0
        }
        /// `credentials.available`.
        fn available(&mut self, name: &str) -> bool;
        /// `credentials.forget`.
        fn forget(&mut self, name: &str);
        /// `credentials.hmac-sha256`; unsupported unless overridden.
        ///
        /// # Errors
        ///
        /// As the contract says.
        fn hmac_sha256(
            &mut self,
            credential: &str,
            prefix: &str,
            steps: &[Vec<u8>],
        ) -> Result<Vec<u8>, SignError> {
            let _ = (prefix, steps);
            Err(SignError::Unsupported(credential.to_owned()))
        }
        /// `credentials.rs256`; unsupported unless overridden.
        ///
        /// # Errors
        ///
        /// As the contract says.
        fn rs256(&mut self, credential: &str, message: &[u8]) -> Result<Vec<u8>, SignError> {
            let _ = message;
            Err(SignError::Unsupported(credential.to_owned()))
        }
        /// `credentials.sha1-with`; unsupported unless overridden.
        ///
        /// # Errors
        ///
        /// As the contract says.
        fn sha1_with(&mut self, credential: &str, before: &str, after: &str) -> Result<String, SignError> {
            let _ = (before, after);
            Err(SignError::Unsupported(credential.to_owned()))
        }
    }

    thread_local! {
        static CURRENT: RefCell<Option<Rc<RefCell<dyn Host>>>> = const { RefCell::new(None) };
    }

    /// Puts back what was there before, also when the work panics.
    struct Restore(Option<Rc<RefCell<dyn Host>>>);

    impl Drop for Restore {
        fn drop(&mut self) {
            let previous = self.0.take();
            CURRENT.with(|current| *current.borrow_mut() = previous);
        }
    }

    /// Runs `work` with `host` as the host of this thread.
    pub fn with_host<T>(host: Rc<RefCell<dyn Host>>, work: impl FnOnce() -> T) -> T {
        let _restore = Restore(CURRENT.with(|current| current.borrow_mut().replace(host)));
        work()
    }

    pub(super) fn with_current<T>(work: impl FnOnce(&mut dyn Host) -> T) -> Option<T> {
        let host = CURRENT.with(|current| current.borrow().clone())?;
        let mut host = host.borrow_mut();
        Some(work(&mut *host))
    }
}
