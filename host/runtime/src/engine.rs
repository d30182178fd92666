//! The engine: wasmtime, narrowed to how this product runs plugins.

use std::sync::{Arc, OnceLock};

use skywright_contract::{Digest, Interfaces, Package, PluginBytes};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use crate::artefact::ArtefactCache;
use crate::compile::Compiler;
use crate::error::Error;
use crate::guest::Guest;
use crate::limits::{LimitExceeded, LimitName, Limits};
use crate::plugin::Plugin;
use crate::ticker::Ticker;
use crate::{capability, wasi};

/// How instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allocation {
    /// From the system, at each instantiation. Right for a process that makes a few calls.
    #[default]
    OnDemand,
    /// From slots reserved up front (address space, not memory). Right for a long-lived host.
    ///
    /// Where the system has not the address space, the engine falls back to on-demand and says so
    /// in the log.
    Pooling {
        /// How many instances may live at once.
        instances: u32,
    },
}

/// What an [`Engine`] is made of.
#[derive(Debug)]
pub struct EngineOptions {
    /// For every plugin of this engine.
    pub limits: Limits,
    /// Default: on demand.
    pub allocation: Allocation,
    /// Where plugins are compiled.
    pub compiler: Compiler,
    /// Where compiled plugins are kept; without one each load compiles.
    pub cache: Option<ArtefactCache>,
    /// Whether a trap leaves a core dump with the error. A dump holds the guest's memory.
    pub core_dumps: bool,
}

/// Loads plugins. Cheap to clone; dropping the last clone stops its ticker.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    options: EngineOptions,
    ticker: Ticker,
    plain: OnceLock<Linker<Guest>>,
    with_wasi: OnceLock<Linker<Guest>>,
}

/// The settings that the compiled code depends on are the same in the host and in the compile
/// child; [`Allocation`] is added by the host alone.
pub(crate) fn engine_config(limits: &Limits, core_dumps: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes + (1536 << 10))
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .native_unwind_info(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .coredump_on_trap(core_dumps)
        // The same plugin answers the same on every machine.
        .cranelift_nan_canonicalization(true);
    config
}

impl Engine {
    /// Builds an engine. Cost: a fraction of a millisecond; with pooling a few milliseconds.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`] if the limits make no engine, such as a stack of 0 bytes.
    pub fn new(options: EngineOptions) -> Result<Self, Error> {
        let config = engine_config(&options.limits, options.core_dumps);
        let wasmtime = match options.allocation {
            Allocation::OnDemand => wasmtime::Engine::new(&config),
            Allocation::Pooling { instances } => pooling_engine(config.clone(), &options.limits, instances)
                .or_else(|error| {
                    tracing::warn!(%error, "no pooling allocation on this machine; allocating on demand");
                    wasmtime::Engine::new(&config)
                }),
        }
        .map_err(engine_error)?;
        let ticker = Ticker::start(&wasmtime).map_err(|e| Error::Engine(e.to_string()))?;
        Ok(Self(Arc::new(Inner {
            wasmtime,
            options,
            ticker,
            plain: OnceLock::new(),
            with_wasi: OnceLock::new(),
        })))
    }

    /// The limits that this engine's plugins run under.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.options.limits
    }

    /// Loads a plugin from its bytes, which the caller has read once.
    ///
    /// Manifest and imports are checked every time; the whole component is checked against the contract and
    /// compiled if the cache has no artefact of it.
    ///
    /// # Errors
    ///
    /// [`Error::Package`] if the bytes are not a plugin that keeps the contract; [`Error::Limit`]
    /// if they, or compiling them, are too much; [`Error::File`] and [`Error::ArtefactFolder`] if
    /// the cache does not work.
    pub async fn load(&self, bytes: &[u8]) -> Result<Plugin, Error> {
        self.check_length(bytes)?;
        self.load_package(Package::read(bytes)?, bytes).await
    }

    /// As [`load`](Self::load), of bytes whose digest was taken when they were read.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_digested(&self, bytes: &PluginBytes) -> Result<Plugin, Error> {
        self.check_length(bytes)?;
        self.load_package(Package::of(bytes)?, bytes).await
    }

    fn check_length(&self, bytes: &[u8]) -> Result<(), Error> {
        let (allowed, used) = (self.limits().component_bytes, bytes.len() as u64);
        if used <= allowed {
            return Ok(());
        }
        Err(LimitExceeded { limit: LimitName::ComponentBytes, allowed, used: Some(used) }.into())
    }

    async fn load_package(&self, package: Package, bytes: &[u8]) -> Result<Plugin, Error> {
        skywright_contract::check_claims(&package)?;
        let (interfaces, component) = self.artefact(bytes, &package.digest).await?;
        let linker = self.linker(&package)?;
        let pre = linker.instantiate_pre(&component).map_err(|error| {
            skywright_contract::PackageError::WrongShape {
                interface: "imports".to_owned(),
                difference: format!("{error:#}"),
            }
        })?;
        Plugin::new(self.clone(), package, interfaces, pre)
    }

    async fn artefact(&self, bytes: &[u8], digest: &Digest) -> Result<(Interfaces, Component), Error> {
        let Inner { wasmtime, options, .. } = &*self.0;
        if let Some(cache) = &options.cache
            && let Some(artefact) = cache.load(wasmtime, digest)?
        {
            return Ok((artefact.interfaces, artefact.component));
        }
        let compiled = options.compiler.compile(bytes, &options.limits).await?;
        // Without a cache of the caller's, one that lives for this load only: there is one way in.
        let scratch;
        let cache = match &options.cache {
            Some(cache) => cache,
            None => {
                let folder =
                    tempfile::tempdir().map_err(crate::error::file_error("create", std::env::temp_dir()))?;
                scratch = (ArtefactCache::open(folder.path().join("artefacts"))?, folder);
                &scratch.0
            }
        };
        let artefact = cache.store(wasmtime, digest, &compiled.interfaces, &compiled.machine_code)?;
        Ok((artefact.interfaces, artefact.component))
    }

    /// WASI is linked only where a plugin asks for it.
    fn linker(&self, package: &Package) -> Result<&Linker<Guest>, Error> {
        let wants_wasi = package.imports.iter().any(|import| import.starts_with("wasi:"));
        let (slot, wasi) = if wants_wasi { (&self.0.with_wasi, true) } else { (&self.0.plain, false) };
        if let Some(linker) = slot.get() {
            return Ok(linker);
        }
        let mut linker = Linker::new(&self.0.wasmtime);
        capability::add_to_linker(&mut linker).map_err(engine_error)?;
        if wasi {
            wasi::add_to_linker(&mut linker).map_err(engine_error)?;
        }
        Ok(slot.get_or_init(|| linker))
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }
}

fn engine_error(error: wasmtime::Error) -> Error {
    Error::Engine(format!("{error:#}"))
}

fn pooling_engine(mut config: Config, limits: &Limits, instances: u32) -> wasmtime::Result<wasmtime::Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // A component of a Rust guest has three or four core instances and one memory.
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances)
        .max_core_instances_per_component(limits.instances)
        .max_memories_per_component(limits.memories)
        .max_tables_per_component(limits.tables)
        .table_elements(usize::try_from(limits.table_elements).unwrap_or(usize::MAX))
        .max_memory_size(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime::Engine::new(&config)
}
