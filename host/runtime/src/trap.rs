//! What to say when a guest fails.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wasmtime::{Store, Trap, WasmBacktrace, WasmCoreDump};

use crate::error::Error;
use crate::guest::Guest;
use crate::limits::{LimitExceeded, LimitName};
use crate::plugin::Plugin;

/// A crash of a plugin: who, where, what, and whom to tell.
#[derive(Debug, Clone)]
pub struct TrapReport {
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The function that was called.
    pub function: String,
    /// What happened, such as `wasm trap: integer divide by zero`.
    pub cause: String,
    /// The guest's frames, innermost first, with names where the plugin has them.
    pub backtrace: Vec<String>,
    /// Where the core dump is, if one was asked for.
    pub core_dump: Option<PathBuf>,
    /// Where the plugin's author wants to hear of it.
    pub report: String,
}

impl fmt::Display for TrapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plugin, version, function, cause, .. } = self;
        write!(f, "plugin {plugin} {version} crashed in {function}: {cause}")?;
        for (index, frame) in self.backtrace.iter().enumerate() {
            write!(f, "\n  {index}: {frame}")?;
        }
        if let Some(path) = &self.core_dump {
            write!(f, "\n  core dump (it holds the plugin's memory): {}", path.display())?;
        }
        write!(f, "\n  this is a defect of the plugin; the host is unharmed")
    }
}

impl std::error::Error for TrapReport {}

/// Gives a failure of guest code its type.
///
/// The store is the one that failed: a core dump is taken from it before it is dropped.
pub(crate) fn classify(
    plugin: &Plugin,
    store: &mut Store<Guest>,
    function: &str,
    error: wasmtime::Error,
) -> Error {
    let core_dump = write_core_dump(plugin, store, &error);
    if let Some(limit) = limit_of(plugin, &error) {
        return Error::Limit(limit);
    }
    let manifest = &plugin.package().manifest;
    Error::Trap(Box::new(TrapReport {
        plugin: manifest.id.to_string(),
        version: manifest.version.to_string(),
        function: function.to_owned(),
        cause: cause_of(&error),
        backtrace: error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default(),
        core_dump,
        report: manifest.report.clone(),
    }))
}

/// The limit that ended the call, if one did.
fn limit_of(plugin: &Plugin, error: &wasmtime::Error) -> Option<LimitExceeded> {
    if let Some(limit) = error.downcast_ref::<LimitExceeded>() {
        return Some(*limit);
    }
    let limits = plugin.engine().limits();
    let met = |limit, allowed: usize| Some(LimitExceeded { limit, allowed: allowed as u64, used: None });
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return met(LimitName::StackBytes, limits.stack_bytes);
    }
    // The engine has no types for these; it is pinned, and a test holds each of the texts.
    let text = error.root_cause().to_string();
    let count = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        met(LimitName::CopiedBytes, limits.copied_bytes)
    } else if text.contains("store handle limit exceeded") {
        met(LimitName::Handles, limits.handles)
    } else if text.contains("resource limit exceeded: instance count") {
        met(LimitName::Instances, count(limits.instances))
    } else if text.contains("resource limit exceeded: table count") {
        met(LimitName::Tables, count(limits.tables))
    } else if text.contains("resource limit exceeded: memory count") {
        met(LimitName::Memories, count(limits.memories))
    } else {
        None
    }
}

fn cause_of(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    backtrace
        .frames()
        .iter()
        .map(|frame| {
            let name =
                frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), demangled);
            let place = frame.symbols().first().and_then(|symbol| Some((symbol.file()?, symbol.line()?)));
            match place {
                Some((file, line)) => format!("{name} ({file}:{line})"),
                None => name,
            }
        })
        .map(|frame| frame.chars().filter(|c| !c.is_control()).take(300).collect())
        .collect()
}

fn demangled(name: &str) -> String {
    rustc_demangle::demangle(name).to_string()
}

/// Writes the dump, readable by this user alone. A dump that cannot be written is logged, since the
/// crash itself is the news.
fn write_core_dump(plugin: &Plugin, store: &mut Store<Guest>, error: &wasmtime::Error) -> Option<PathBuf> {
    let folder = store.data().session.core_dump_folder()?.to_owned();
    let dump = error.downcast_ref::<WasmCoreDump>()?;
    let name = plugin.package().manifest.id.name();
    let bytes = dump.serialize(store, name);
    match write_private(&folder, name, &bytes) {
        Ok(path) => {
            tracing::warn!(path = %path.display(), "core dump written; it holds the plugin's memory");
            Some(path)
        }
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "the core dump could not be written");
            None
        }
    }
}

fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let mut file = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .suffix(".core")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    let (_, path) = file.keep().map_err(|error| error.error)?;
    Ok(path)
}
