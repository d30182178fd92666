//! What one tenant lends to one plugin, for as many calls as there are.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use skywright_egress::{
    CapturedCredential, Client, Grant, HttpError, Resolver, Secret, SystemResolver, Vault,
};
use skywright_machines::Machines;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// Where a plugin's log lines go. Lines are already counted, cut, redacted and printable.
pub trait LogSink: Send + Sync {
    /// Called for each line while the guest waits: it should not block.
    fn write(&self, plugin: &str, level: LogLevel, message: &str, fields: &[(String, String)]);
}

/// How urgent a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Each step.
    Trace,
    /// What an author wants to see.
    Debug,
    /// What a user may want to see.
    Info,
    /// Something is off.
    Warn,
    /// Something failed.
    Error,
}

/// The time that guests see.
pub trait Clock: Send + Sync {
    /// Seconds since the Unix epoch.
    fn now_s(&self) -> u64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_s(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

/// Log lines as `tracing` events with the target `plugin`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingSink;

impl LogSink for TracingSink {
    fn write(&self, plugin: &str, level: LogLevel, message: &str, fields: &[(String, String)]) {
        let fields = fields.iter().map(|(key, value)| format!(" {key}={value:?}")).collect::<String>();
        match level {
            LogLevel::Trace => tracing::trace!(target: "plugin", plugin, "{message}{fields}"),
            LogLevel::Debug => tracing::debug!(target: "plugin", plugin, "{message}{fields}"),
            LogLevel::Info => tracing::info!(target: "plugin", plugin, "{message}{fields}"),
            LogLevel::Warn => tracing::warn!(target: "plugin", plugin, "{message}{fields}"),
            LogLevel::Error => tracing::error!(target: "plugin", plugin, "{message}{fields}"),
        }
    }
}

/// Where a session is kept for the next process: its captured credentials and its cache. Whoever implements
/// it sees them in clear and answers for sealing them.
pub trait SessionMemory: Send + Sync {
    /// Called after a call that changed what is to be kept. A failure is the memory's own affair: the next
    /// process then logs in anew.
    fn keep<'a>(&'a self, content: Zeroizing<Vec<u8>>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// What one tenant lends to one plugin. Shared by all instances of one (plugin, tenant).
pub struct Session {
    settings: BTreeMap<String, String>,
    client: Client,
    cache: Mutex<Cache>,
    clock: Arc<dyn Clock>,
    log: Arc<dyn LogSink>,
    cancel: CancellationToken,
    core_dumps: Option<PathBuf>,
    memory: Option<Arc<dyn SessionMemory>>,
    machines: Option<Arc<dyn Machines>>,
    /// The state of vault and cache that was kept last.
    kept: Mutex<(u64, u64)>,
}

/// A session as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    cache: Vec<(String, Vec<u8>, u64)>,
    /// Name, value, and when it expires in seconds since 1970.
    credentials: Vec<(String, String, u64)>,
}

/// What is larger is not kept: it would be read by every process to come.
const MOST_KEPT_BYTES: usize = 256 << 10;

impl Session {
    /// A session that lends nothing: no setting, no credential, no endpoint. Enough for
    /// `describe` and `validate`.
    #[must_use]
    pub fn nothing() -> Self {
        let client = Client::new(Grant::default(), Vault::new([]), Arc::new(SystemResolver), None);
        Self::new(BTreeMap::new(), client)
    }

    /// A session with a tenant's settings, and an HTTP client that carries its grant and vault.
    #[must_use]
    pub fn new(settings: BTreeMap<String, String>, client: Client) -> Self {
        Self {
            settings,
            client,
            cache: Mutex::default(),
            clock: Arc::new(SystemClock),
            log: Arc::new(TracingSink),
            cancel: CancellationToken::new(),
            core_dumps: None,
            memory: None,
            machines: None,
            kept: Mutex::default(),
        }
    }

    /// A session that is kept for the next process, and goes on with what was kept of the one before. What
    /// cannot be read is as if it was not there.
    #[must_use]
    pub fn with_memory(mut self, memory: Arc<dyn SessionMemory>, before: Option<&[u8]>) -> Self {
        if let Some(kept) = before.and_then(|bytes| serde_json::from_slice::<Kept>(bytes).ok()) {
            let credentials =
                kept.credentials.into_iter().map(|(name, value, expires_s)| CapturedCredential {
                    name,
                    secret: Secret::new(value),
                    expires: UNIX_EPOCH + Duration::from_secs(expires_s),
                });
            self.vault().restore(credentials);
            self.with_cache(|cache| {
                for (key, value, expires_s) in kept.cache {
                    cache.put(key, value, expires_s);
                }
            });
        }
        self.kept = Mutex::new(self.changes());
        self.memory = Some(memory);
        self
    }

    fn changes(&self) -> (u64, u64) {
        (self.vault().changes(), self.with_cache(|cache| cache.writes))
    }

    /// Has the session kept, if it changed since it was last.
    pub(crate) async fn remember(&self) {
        let Some(memory) = &self.memory else { return };
        let changes = self.changes();
        let before =
            std::mem::replace(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner), changes);
        if before == changes {
            return;
        }
        let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let credentials = self.vault().captured().into_iter();
        let now_s = self.now_s();
        let kept = Kept {
            cache: self.with_cache(|cache| cache.alive(now_s)),
            credentials: credentials
                .map(|c| (c.name, c.secret.expose().to_owned(), seconds(c.expires)))
                .collect(),
        };
        let content = Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
        kept.credentials.into_iter().for_each(|(_, value, _)| drop(Zeroizing::new(value)));
        if content.len() <= MOST_KEPT_BYTES {
            memory.keep(content).await;
        }
    }

    /// With the hosts of this machine. Without, `skywright:host/machines` refuses every call, whatever a
    /// plugin's manifest says: whoever opens the session knows which plugin they are for.
    #[must_use]
    pub fn with_machines(mut self, machines: Arc<dyn Machines>) -> Self {
        self.machines = Some(machines);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another place for log lines than `tracing`.
    #[must_use]
    pub fn with_log(mut self, log: Arc<dyn LogSink>) -> Self {
        self.log = log;
        self
    }

    /// Core dumps of failing guests go to this folder, if the engine makes any.
    #[must_use]
    pub fn with_core_dumps(mut self, folder: impl Into<PathBuf>) -> Self {
        self.core_dumps = Some(folder.into());
        self
    }

    /// Stops every call of this session when it is triggered.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// The credentials of these names, for the host's own code that speaks to `url` itself: as far as the
    /// plugin's own requests to there might carry them. No guest gets at this.
    ///
    /// # Errors
    ///
    /// As [`Client::lend`].
    pub fn lend(&self, url: &str, names: &[&str]) -> Result<Vec<Secret>, HttpError> {
        self.client.lend(url, names)
    }

    /// What the tenant allows, for the host's own code that moves bytes which no plugin sees.
    #[must_use]
    pub fn way_out(&self) -> (Arc<Grant>, Arc<dyn Resolver>) {
        (Arc::clone(self.client.grant()), Arc::clone(self.client.resolver()))
    }

    /// Whether the tenant has a setting with just this value.
    #[must_use]
    pub fn has_setting_value(&self, value: &str) -> bool {
        self.settings.values().any(|setting| setting == value)
    }

    pub(crate) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    pub(crate) fn core_dump_folder(&self) -> Option<&Path> {
        self.core_dumps.as_deref()
    }

    pub(crate) fn setting(&self, key: &str) -> Option<&String> {
        self.settings.get(key)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn vault(&self) -> &Vault {
        self.client.vault()
    }

    pub(crate) fn machines(&self) -> Option<Arc<dyn Machines>> {
        self.machines.clone()
    }

    pub(crate) fn now_s(&self) -> u64 {
        self.clock.now_s()
    }

    pub(crate) fn log(&self) -> &dyn LogSink {
        &*self.log
    }

    pub(crate) fn with_cache<R>(&self, use_it: impl FnOnce(&mut Cache) -> R) -> R {
        use_it(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A plugin's small cache: 1 MiB of keys and values, the oldest leaving first.
#[derive(Default)]
pub(crate) struct Cache {
    entries: HashMap<String, Entry>,
    order: VecDeque<(String, u64)>,
    used_bytes: usize,
    writes: u64,
}

struct Entry {
    value: Vec<u8>,
    expires_s: u64,
    write: u64,
}

impl Cache {
    const AT_MOST_BYTES: usize = 1 << 20;

    pub(crate) fn get(&self, key: &str, now_s: u64) -> Option<Vec<u8>> {
        self.entries.get(key).filter(|entry| entry.expires_s > now_s).map(|entry| entry.value.clone())
    }

    pub(crate) fn put(&mut self, key: String, value: Vec<u8>, expires_s: u64) {
        self.remove(&key);
        let size = key.len() + value.len();
        if size > Self::AT_MOST_BYTES {
            return;
        }
        self.writes += 1;
        self.used_bytes += size;
        self.order.push_back((key.clone(), self.writes));
        self.entries.insert(key, Entry { value, expires_s, write: self.writes });
        while self.used_bytes > Self::AT_MOST_BYTES {
            let Some((oldest, write)) = self.order.pop_front() else { break };
            if self.entries.get(&oldest).is_some_and(|entry| entry.write == write) {
                self.remove(&oldest);
            }
        }
        // Overwritten keys leave their old places behind; forget those before they add up.
        if self.order.len() > 2 * self.entries.len() + 64 {
            self.order.retain(|(key, write)| self.entries.get(key).is_some_and(|e| e.write == *write));
        }
    }

    fn alive(&self, now_s: u64) -> Vec<(String, Vec<u8>, u64)> {
        let alive = self.entries.iter().filter(|(_, entry)| entry.expires_s > now_s);
        alive.map(|(key, entry)| (key.clone(), entry.value.clone(), entry.expires_s)).collect()
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.used_bytes -= key.len() + entry.value.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_forgets_what_expired_and_the_oldest_first() {
        let mut cache = Cache::default();
        cache.put("a".into(), vec![1], 10);
        assert_eq!(cache.get("a", 9), Some(vec![1]));
        assert_eq!(cache.get("a", 10), None);
        cache.put("big".into(), vec![0; 600 << 10], 99);
        cache.put("bigger".into(), vec![0; 600 << 10], 99);
        assert!(cache.get("big", 0).is_none() && cache.get("bigger", 0).is_some());
        cache.put("huge".into(), vec![0; 2 << 20], 99);
        assert!(cache.get("huge", 0).is_none() && cache.get("bigger", 0).is_some());
    }

    #[tokio::test]
    async fn a_session_goes_on_in_the_next_process() {
        #[derive(Default)]
        struct Memory(Mutex<Vec<Vec<u8>>>);

        impl SessionMemory for Memory {
            fn keep<'a>(
                &'a self,
                content: Zeroizing<Vec<u8>>,
            ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
                self.0.lock().unwrap().push(content.to_vec());
                Box::pin(async {})
            }
        }

        let memory = Arc::new(Memory::default());
        let first = Session::nothing().with_memory(memory.clone(), None);
        first.remember().await;
        assert!(memory.0.lock().unwrap().is_empty(), "nothing has changed");
        first.vault().insert("token", Secret::new("t0ken"), Duration::from_secs(60)).unwrap();
        first.vault().insert("short", Secret::new("gone"), Duration::ZERO).unwrap();
        first.with_cache(|cache| cache.put("catalog".into(), vec![1, 2], u64::MAX));
        first.remember().await;
        first.remember().await;
        let kept = memory.0.lock().unwrap().clone();
        assert_eq!(kept.len(), 1, "kept once, when it changed");

        let next = Session::nothing().with_memory(memory.clone(), Some(&kept[0]));
        assert!(next.vault().available("token") && !next.vault().available("short"));
        assert_eq!(next.with_cache(|cache| cache.get("catalog", 0)), Some(vec![1, 2]));
        next.remember().await;
        assert_eq!(memory.0.lock().unwrap().len(), 1, "what was read is not a change");
        let broken = Session::nothing().with_memory(memory, Some(b"{"));
        assert!(!broken.vault().available("token"));
    }

    #[test]
    fn writing_one_key_often_does_not_grow_the_cache() {
        let mut cache = Cache::default();
        for n in 0..10_000_u32 {
            cache.put("k".into(), n.to_le_bytes().to_vec(), 99);
        }
        assert!(cache.order.len() < 100 && cache.used_bytes == 5);
    }
}
