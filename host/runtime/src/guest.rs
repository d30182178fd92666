//! What one instance carries in its store: its meters, and what its session lends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, UpdateDeadline};

use crate::limits::{LimitExceeded, LimitName, Limits, milliseconds};
use crate::logbook::Logbook;
use crate::session::Session;
use crate::ticker::TICK;
use crate::wasi::WasiState;

/// The data of a store.
pub(crate) struct Guest {
    pub(crate) session: Arc<Session>,
    pub(crate) memory: MemoryMeter,
    pub(crate) cpu: CpuMeter,
    pub(crate) log: Arc<Logbook>,
    /// Made at the first use by a WASI guest; others never pay for it.
    pub(crate) wasi: Option<Box<WasiState>>,
    pub(crate) random_bytes: u64,
}

impl Guest {
    pub(crate) fn new(session: Arc<Session>, plugin: String, limits: &Limits) -> Self {
        Self {
            log: Arc::new(Logbook::new(session.clone(), plugin, limits)),
            session,
            memory: MemoryMeter::new(limits),
            cpu: CpuMeter::new(limits.cpu_time),
            wasi: None,
            random_bytes: limits.random_bytes,
        }
    }

    /// Fresh budgets for a call.
    pub(crate) fn start_call(&mut self, cpu_time: Duration) {
        self.cpu = CpuMeter::new(cpu_time);
        self.log.start_call();
    }
}

/// Counts memory and tables across the whole instance, which wasmtime's own limiter does not.
pub(crate) struct MemoryMeter {
    allowed_bytes: u64,
    allowed_elements: u64,
    used_bytes: u64,
    used_elements: u64,
    /// What the last growth added, to be taken back if it fails behind this meter.
    last_bytes: u64,
    last_elements: u64,
    instances: usize,
    tables: usize,
    memories: usize,
}

impl MemoryMeter {
    fn new(limits: &Limits) -> Self {
        let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            allowed_bytes: limits.memory_bytes,
            allowed_elements: limits.table_elements,
            used_bytes: 0,
            used_elements: 0,
            last_bytes: 0,
            last_elements: 0,
            instances: count(limits.instances),
            tables: count(limits.tables),
            memories: count(limits.memories),
        }
    }

    /// Linear memory in use now, in bytes.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }
}

/// A limit ends the call at once: a guest that is merely told "no more memory" crashes somewhere
/// else, and the author would look for the wrong defect.
impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used_bytes + (desired.saturating_sub(current)) as u64;
        if used > self.allowed_bytes {
            return Err(exceeded(LimitName::MemoryBytes, self.allowed_bytes, used));
        }
        self.last_bytes = used - self.used_bytes;
        self.used_bytes = used;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.used_bytes -= std::mem::take(&mut self.last_bytes);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used_elements + (desired.saturating_sub(current)) as u64;
        if used > self.allowed_elements {
            return Err(exceeded(LimitName::TableElements, self.allowed_elements, used));
        }
        self.last_elements = used - self.used_elements;
        self.used_elements = used;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.used_elements -= std::mem::take(&mut self.last_elements);
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// The guest's CPU time of the running call.
///
/// It is taken at each tick while the guest runs. Host calls that wait ([`CpuMeter::pause`]) stop
/// the clock; one tick's worth at most is counted for waits inside WASI, which does not tell. On an
/// overloaded machine it includes time that the guest's thread waited for a core.
pub(crate) struct CpuMeter {
    allowed: Duration,
    used: Duration,
    since: Instant,
}

impl CpuMeter {
    fn new(allowed: Duration) -> Self {
        Self { allowed, used: Duration::ZERO, since: Instant::now() }
    }

    /// The most that one tick can cost: a guest that ran is interrupted within two.
    const AT_MOST: Duration = Duration::from_millis(2 * TICK.as_millis() as u64);

    fn take(&mut self) {
        let now = Instant::now();
        self.used += now.duration_since(self.since).min(Self::AT_MOST);
        self.since = now;
    }

    /// The guest has called the host, which may wait.
    pub(crate) fn pause(&mut self) {
        self.take();
    }

    /// The host returns to the guest.
    pub(crate) fn resume(&mut self) {
        self.since = Instant::now();
    }

    /// At a tick while the guest runs.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        self.take();
        if self.used > self.allowed {
            // Rounded up: what was used is more than what was allowed, and reads like it.
            let used = u64::try_from(self.used.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
            let allowed = milliseconds(self.allowed);
            return Err(exceeded(LimitName::CpuTimeMs, allowed, used));
        }
        // Yielding is what lets time-outs and cancellation see a guest that never calls the host.
        Ok(UpdateDeadline::Yield(1))
    }
}

pub(crate) fn exceeded(limit: LimitName, allowed: u64, used: u64) -> wasmtime::Error {
    wasmtime::Error::new(LimitExceeded { limit, allowed, used: Some(used) })
}
