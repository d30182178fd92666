//! The vault: credentials by name, for one plugin of one tenant.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};
use crate::redact::Redactor;

/// The most captured credentials that one vault keeps.
const MAX_CAPTURED: usize = 64;
/// The longest captured credential, in bytes.
const MAX_CAPTURED_BYTES: usize = 64 << 10;
/// How many replaced, forgotten and expired credentials are still kept out of all output.
const MAX_RETIRED: usize = 64;
/// From this length on a secret is looked for in every answer, not only in that to its own request.
/// A shorter one may be a common word, and an answer that happens to contain it would be spoilt.
const UNMISTAKABLE_BYTES: usize = 12;

/// A secret text: overwritten when dropped, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Whoever calls this answers for where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a captured credential was not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The tenant has a credential of this name; a captured one never replaces it.
    #[error("`{name}` is the tenant's own credential")]
    Own {
        /// The credential's name.
        name: String,
    },
    /// The name is empty or longer than 128 bytes.
    #[error("a credential's name has 1 to 128 bytes")]
    Name,
    /// The value is longer than 64 KiB.
    #[error("the value for `{name}` is longer than {MAX_CAPTURED_BYTES} bytes")]
    TooLong {
        /// The credential's name.
        name: String,
    },
    /// 64 captured credentials are there already.
    #[error("more than {MAX_CAPTURED} captured credentials")]
    Full,
}

/// A credential that came with an answer, and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedCredential {
    /// Its name.
    pub name: String,
    /// The credential.
    pub secret: Secret,
    /// When it expires.
    pub expires: SystemTime,
}

struct Captured {
    secret: Secret,
    expires: SystemTime,
}

#[derive(Default)]
struct State {
    captured: BTreeMap<String, Captured>,
    retired: VecDeque<Secret>,
    /// For what people see, and made when first asked for after a change.
    redactor: Option<Arc<Redactor>>,
    /// How often a capture came or went.
    changes: u64,
}

struct Inner {
    own: BTreeMap<String, Secret>,
    state: RwLock<State>,
    clock: Arc<dyn Clock>,
}

/// Credentials by name, for one plugin of one tenant. A clone is the same vault.
///
/// The tenant's own credentials are there from the start and stay. Captured ones come from answers,
/// expire by the wall clock: at most 64, of at most 64 KiB each. They leave by requests and signatures, by
/// [`Client::lend`](crate::Client::lend) to the host's own code, and by [`captured`](Vault::captured) to
/// whoever keeps them sealed.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

impl Vault {
    /// A vault with the tenant's own credentials.
    #[must_use]
    pub fn new(own: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self::with_clock(own, Arc::new(SystemClock::default()))
    }

    /// A vault that takes the time from `clock`, as does every client that uses it.
    #[must_use]
    pub fn with_clock(own: impl IntoIterator<Item = (String, Secret)>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { own: own.into_iter().collect(), state: RwLock::default(), clock }))
    }

    /// The clock that credentials expire by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Whether the credential is there and not expired.
    #[must_use]
    pub fn available(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Forgets a captured credential. The tenant's own stay.
    pub fn forget(&self, name: &str) {
        let mut state = self.write();
        if let Some(captured) = state.captured.remove(name) {
            retire(&mut state, captured.secret);
            state.changes += 1;
        }
    }

    /// How often a captured credential came or went.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.read().changes
    }

    /// The captured credentials that have not expired, for whoever keeps them, sealed, for the next process.
    #[must_use]
    pub fn captured(&self) -> Vec<CapturedCredential> {
        let now = self.0.clock.wall();
        let state = self.read();
        let alive = state.captured.iter().filter(|(_, captured)| now < captured.expires);
        alive
            .map(|(name, captured)| CapturedCredential {
                name: name.clone(),
                secret: captured.secret.clone(),
                expires: captured.expires,
            })
            .collect()
    }

    /// Takes back what [`captured`](Self::captured) gave to a process before this one. What has expired, or is
    /// not allowed any more, is left out.
    pub fn restore(&self, credentials: impl IntoIterator<Item = CapturedCredential>) {
        let now = self.0.clock.wall();
        for CapturedCredential { name, secret, expires } in credentials {
            if let Ok(left) = expires.duration_since(now) {
                let _ = self.insert(&name, secret, left);
            }
        }
    }

    /// Whether a captured credential may have this name.
    ///
    /// # Errors
    ///
    /// [`VaultError::Own`] or [`VaultError::Name`].
    pub fn check_name(&self, name: &str) -> Result<(), VaultError> {
        if name.is_empty() || name.len() > 128 {
            return Err(VaultError::Name);
        }
        if self.0.own.contains_key(name) {
            return Err(VaultError::Own { name: name.to_owned() });
        }
        Ok(())
    }

    /// Keeps a captured credential for `ttl`, in the place of an earlier captured one.
    ///
    /// # Errors
    ///
    /// See [`VaultError`]; nothing is changed then.
    pub fn insert(&self, name: &str, secret: Secret, ttl: Duration) -> Result<(), VaultError> {
        self.check_name(name)?;
        if secret.expose().len() > MAX_CAPTURED_BYTES {
            return Err(VaultError::TooLong { name: name.to_owned() });
        }
        let now = self.0.clock.wall();
        let mut state = self.write();
        retire_expired(&mut state, now);
        if !state.captured.contains_key(name) && state.captured.len() >= MAX_CAPTURED {
            return Err(VaultError::Full);
        }
        let expires = now.checked_add(ttl).unwrap_or(now);
        if let Some(old) = state.captured.insert(name.to_owned(), Captured { secret, expires }) {
            retire(&mut state, old.secret);
        }
        state.redactor = None;
        state.changes += 1;
        Ok(())
    }

    /// `text` with every secret that the vault knows, in any of its usual encodings, as `***`.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.redactor().redact(text).into_owned()
    }

    /// Replaces every secret that the vault knows, the replaced and expired ones among them.
    ///
    /// It knows what the vault knew when it was asked for.
    #[must_use]
    pub fn redactor(&self) -> Arc<Redactor> {
        if let Some(redactor) = &self.read().redactor {
            return Arc::clone(redactor);
        }
        let mut state = self.write();
        let all = self.0.own.values().chain(state.captured.values().map(|c| &c.secret)).chain(&state.retired);
        let redactor = Arc::new(Redactor::new(all.map(Secret::expose)));
        state.redactor = Some(Arc::clone(&redactor));
        redactor
    }

    /// What an answer must not contain: the secrets of its own request, whatever their length, and
    /// all others that cannot be mistaken for a common word.
    pub(crate) fn echo_redactor(&self, used: &[Secret]) -> Redactor {
        let state = self.read();
        let others =
            self.0.own.values().chain(state.captured.values().map(|c| &c.secret)).chain(&state.retired);
        let long = others.filter(|secret| secret.expose().len() >= UNMISTAKABLE_BYTES);
        Redactor::new(long.chain(used).map(Secret::expose))
    }

    /// What must not get a second name: the tenant's own credentials, and those of the request. A
    /// session that was forgotten may come back as it was.
    pub(crate) fn launder_redactor(&self, used: &[Secret]) -> Redactor {
        let own = self.0.own.values().filter(|secret| secret.expose().len() >= UNMISTAKABLE_BYTES);
        Redactor::new(own.chain(used).map(Secret::expose))
    }

    pub(crate) fn get(&self, name: &str) -> Option<Secret> {
        if let Some(secret) = self.0.own.get(name) {
            return Some(secret.clone());
        }
        let now = self.0.clock.wall();
        self.read().captured.get(name).filter(|c| now < c.expires).map(|c| c.secret.clone())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A secret that is no longer used is still a secret.
fn retire(state: &mut State, secret: Secret) {
    if state.retired.len() >= MAX_RETIRED {
        state.retired.pop_front();
        state.redactor = None;
    }
    state.retired.push_back(secret);
}

fn retire_expired(state: &mut State, now: SystemTime) {
    let expired: Vec<_> = state.captured.extract_if(.., |_, c| c.expires <= now).collect();
    for (_, captured) in expired {
        retire(state, captured.secret);
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let captured: Vec<_> = self.read().captured.keys().cloned().collect();
        f.debug_struct("Vault")
            .field("own", &self.0.own.keys().collect::<Vec<_>>())
            .field("captured", &captured)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::BoxFuture;

    /// A clock that stands still until somebody sleeps or turns it.
    #[derive(Default)]
    pub(crate) struct TestClock {
        pub(crate) elapsed: Mutex<Duration>,
        pub(crate) sleeps: Mutex<Vec<Duration>>,
    }

    impl Clock for TestClock {
        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + *self.elapsed.lock().unwrap()
        }

        fn monotonic(&self) -> Duration {
            *self.elapsed.lock().unwrap()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            *self.elapsed.lock().unwrap() += duration;
            self.sleeps.lock().unwrap().push(duration);
            Box::pin(tokio::task::yield_now())
        }
    }

    fn vault() -> (Vault, Arc<TestClock>) {
        let clock = Arc::new(TestClock::default());
        let own = [("password".to_owned(), Secret::new("correct horse battery"))];
        (Vault::with_clock(own, Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    #[test]
    fn a_captured_credential_expires_and_is_still_redacted() {
        let (vault, clock) = vault();
        vault.insert("token", Secret::new("gAAAAABtoken"), Duration::from_secs(60)).unwrap();
        assert!(vault.available("token"));
        *clock.elapsed.lock().unwrap() += Duration::from_secs(59);
        assert!(vault.available("token"));
        *clock.elapsed.lock().unwrap() += Duration::from_secs(1);
        assert!(!vault.available("token"));
        vault.insert("other", Secret::new("something else"), Duration::from_secs(60)).unwrap();
        assert_eq!(vault.redact("a gAAAAABtoken b"), "a *** b");
    }

    #[test]
    fn the_tenants_own_is_never_replaced_or_forgotten() {
        let (vault, _) = vault();
        let refused = vault.insert("password", Secret::new("mine now"), Duration::from_secs(60));
        assert_eq!(refused, Err(VaultError::Own { name: "password".to_owned() }));
        vault.forget("password");
        assert_eq!(vault.get("password").unwrap().expose(), "correct horse battery");
    }

    #[test]
    fn forgetting_and_replacing_keep_the_old_value_out_of_output() {
        let (vault, _) = vault();
        vault.insert("token", Secret::new("first-token"), Duration::from_secs(60)).unwrap();
        assert_eq!(vault.redact("first-token"), "***");
        vault.insert("token", Secret::new("second-token"), Duration::from_secs(60)).unwrap();
        vault.forget("token");
        assert!(!vault.available("token"));
        assert_eq!(vault.redact("first-token, second-token"), "***, ***");
    }

    #[test]
    fn a_vault_is_bounded() {
        let (vault, clock) = vault();
        let ttl = Duration::from_secs(60);
        for number in 0..MAX_CAPTURED {
            vault.insert(&format!("token-{number}"), Secret::new("some value"), ttl).unwrap();
        }
        assert_eq!(vault.insert("one-more", Secret::new("some value"), ttl), Err(VaultError::Full));
        assert_eq!(vault.insert("token-1", Secret::new("some value"), ttl), Ok(()));
        let long = Secret::new("x".repeat(MAX_CAPTURED_BYTES + 1));
        assert!(matches!(vault.insert("token-1", long, ttl), Err(VaultError::TooLong { .. })));
        *clock.elapsed.lock().unwrap() += ttl;
        assert_eq!(vault.insert("one-more", Secret::new("some value"), ttl), Ok(()));
        assert_eq!(vault.insert("", Secret::new("some value"), ttl), Err(VaultError::Name));
    }

    #[test]
    fn no_debug_output_shows_a_value() {
        let (vault, _) = vault();
        vault.insert("token", Secret::new("gAAAAABtoken"), Duration::from_secs(60)).unwrap();
        let shown = format!("{vault:?} {:?} {}", vault.get("token"), vault.get("password").unwrap());
        assert!(shown.contains("password") && shown.contains("token"));
        assert!(!shown.contains("gAAAAAB") && !shown.contains("horse"), "{shown}");
    }
}
