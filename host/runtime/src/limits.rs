//! The limits that every plugin runs under. All are on; an operator may raise them, a plugin may not.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What a plugin may use. [`Limits::default`] is the product's documented table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The plugin file, in bytes. Default 64 MiB.
    pub component_bytes: u64,
    /// Compiling it, in the child, wall time. Default 120 s.
    pub compile_time: Duration,
    /// Address space of the compile child, in bytes. Default 2 GiB.
    pub compile_memory_bytes: u64,
    /// Linear memory of all the instance's memories together, in bytes. Default 256 MiB.
    ///
    /// Not covered: the host's own bookkeeping for an instance (tables, handles, stack), which the
    /// other limits bound.
    pub memory_bytes: u64,
    /// Core instances inside one component instance. Default 64.
    pub instances: u32,
    /// Tables. Default 64.
    pub tables: u32,
    /// Memories. Default 16.
    pub memories: u32,
    /// Elements of all tables together. Default 100,000.
    pub table_elements: u64,
    /// Stack of the guest, in bytes. Default 512 KiB. Part of the engine: the same for all plugins.
    pub stack_bytes: usize,
    /// What one host call may copy out of the guest, in bytes. Default 16 MiB.
    pub copied_bytes: usize,
    /// Live component-model handles. Default 10,000.
    pub handles: usize,
    /// Guest CPU time of one call. Default 10 s. Time in the host is not counted.
    pub cpu_time: Duration,
    /// Guest CPU time of `describe` and `validate`, which have nothing to wait for. Default 2 s.
    pub cpu_time_describe: Duration,
    /// Wall time of one call, host time included. Default 60 s.
    pub wall_time: Duration,
    /// Log output of one call, in bytes. Default 1 MiB.
    pub log_bytes: usize,
    /// One log line, in bytes; a longer one is cut, which the line then says. Default 4 KiB.
    pub log_line_bytes: usize,
    /// Random bytes of one request by a WASI guest. Default 64 KiB.
    pub random_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 64 << 20,
            compile_time: Duration::from_secs(120),
            compile_memory_bytes: 2 << 30,
            memory_bytes: 256 << 20,
            instances: 64,
            tables: 64,
            memories: 16,
            table_elements: 100_000,
            stack_bytes: 512 << 10,
            copied_bytes: 16 << 20,
            handles: 10_000,
            cpu_time: Duration::from_secs(10),
            cpu_time_describe: Duration::from_secs(2),
            wall_time: Duration::from_secs(60),
            log_bytes: 1 << 20,
            log_line_bytes: 4 << 10,
            random_bytes: 64 << 10,
        }
    }
}

/// The name of a limit, as errors and the operator's settings spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitName {
    /// [`Limits::component_bytes`].
    ComponentBytes,
    /// [`Limits::compile_time`], in milliseconds.
    CompileTimeMs,
    /// [`Limits::compile_memory_bytes`].
    CompileMemoryBytes,
    /// [`Limits::memory_bytes`].
    MemoryBytes,
    /// [`Limits::instances`].
    Instances,
    /// [`Limits::tables`].
    Tables,
    /// [`Limits::memories`].
    Memories,
    /// [`Limits::table_elements`].
    TableElements,
    /// [`Limits::stack_bytes`].
    StackBytes,
    /// [`Limits::copied_bytes`].
    CopiedBytes,
    /// [`Limits::handles`].
    Handles,
    /// [`Limits::cpu_time`], in milliseconds.
    CpuTimeMs,
    /// [`Limits::wall_time`], in milliseconds.
    WallTimeMs,
    /// [`Limits::log_bytes`].
    LogBytes,
}

impl LimitName {
    /// The limit's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ComponentBytes => "component-bytes",
            Self::CompileTimeMs => "compile-time-ms",
            Self::CompileMemoryBytes => "compile-memory-bytes",
            Self::MemoryBytes => "memory-bytes",
            Self::Instances => "instances",
            Self::Tables => "tables",
            Self::Memories => "memories",
            Self::TableElements => "table-elements",
            Self::StackBytes => "stack-bytes",
            Self::CopiedBytes => "copied-bytes",
            Self::Handles => "handles",
            Self::CpuTimeMs => "cpu-time-ms",
            Self::WallTimeMs => "wall-time-ms",
            Self::LogBytes => "log-bytes",
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A limit was met. The plugin's store is gone; the host is unharmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the plugin met its limit `{limit}`: {allowed} allowed, {}", used_text(*.used))]
pub struct LimitExceeded {
    /// Which.
    pub limit: LimitName,
    /// Its value, in the unit that the name says.
    pub allowed: u64,
    /// What was used or asked for; `None` where the engine stops before it can be counted.
    pub used: Option<u64>,
}

fn used_text(used: Option<u64>) -> String {
    used.map_or_else(|| "more was asked for".to_owned(), |used| format!("{used} asked for"))
}

/// A duration in whole milliseconds, for [`LimitExceeded`].
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A limit that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no limit `{name}`; there are: {}", .known.join(", "))]
pub struct UnknownLimit {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub known: Vec<&'static str>,
}

impl Limits {
    /// Sets a limit by its [name](LimitName), in the unit that the name says. For operators: a
    /// plugin has no way to get here. `describe`'s own CPU budget follows where it would be larger
    /// than the general one.
    ///
    /// # Errors
    ///
    /// [`UnknownLimit`], with the names that there are.
    pub fn set(&mut self, name: &str, value: u64) -> Result<(), UnknownLimit> {
        let Some(limit) = LimitName::ALL.iter().find(|limit| limit.name() == name) else {
            let known = LimitName::ALL.iter().map(|limit| limit.name()).collect();
            return Err(UnknownLimit { name: name.to_owned(), known });
        };
        let size = usize::try_from(value).unwrap_or(usize::MAX);
        let count = u32::try_from(value).unwrap_or(u32::MAX);
        let time = Duration::from_millis(value);
        match limit {
            LimitName::ComponentBytes => self.component_bytes = value,
            LimitName::CompileTimeMs => self.compile_time = time,
            LimitName::CompileMemoryBytes => self.compile_memory_bytes = value,
            LimitName::MemoryBytes => self.memory_bytes = value,
            LimitName::Instances => self.instances = count,
            LimitName::Tables => self.tables = count,
            LimitName::Memories => self.memories = count,
            LimitName::TableElements => self.table_elements = value,
            LimitName::StackBytes => self.stack_bytes = size,
            LimitName::CopiedBytes => self.copied_bytes = size,
            LimitName::Handles => self.handles = size,
            LimitName::CpuTimeMs => {
                self.cpu_time = time;
                self.cpu_time_describe = self.cpu_time_describe.min(time);
            }
            LimitName::WallTimeMs => self.wall_time = time,
            LimitName::LogBytes => self.log_bytes = size,
        }
        Ok(())
    }
}

impl LimitName {
    /// Every limit that can be set by name.
    pub const ALL: &[Self] = &[
        Self::ComponentBytes,
        Self::CompileTimeMs,
        Self::CompileMemoryBytes,
        Self::MemoryBytes,
        Self::Instances,
        Self::Tables,
        Self::Memories,
        Self::TableElements,
        Self::StackBytes,
        Self::CopiedBytes,
        Self::Handles,
        Self::CpuTimeMs,
        Self::WallTimeMs,
        Self::LogBytes,
    ];
}
