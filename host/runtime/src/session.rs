//! What one tenant lends to one plugin, for as many calls as there are.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use skywright_egress::{Client, Grant, SystemResolver, Vault};
use tokio_util::sync::CancellationToken;

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

/// What one tenant lends to one plugin. Shared by all instances of one (plugin, tenant).
pub struct Session {
    settings: BTreeMap<String, String>,
    client: Client,
    cache: Mutex<Cache>,
    clock: Arc<dyn Clock>,
    log: Arc<dyn LogSink>,
    cancel: CancellationToken,
    core_dumps: Option<PathBuf>,
}

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
        }
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

    #[test]
    fn writing_one_key_often_does_not_grow_the_cache() {
        let mut cache = Cache::default();
        for n in 0..10_000_u32 {
            cache.put("k".into(), n.to_le_bytes().to_vec(), 99);
        }
        assert!(cache.order.len() < 100 && cache.used_bytes == 5);
    }
}
