//! Why a plugin was not built, or a new one not written.

use std::io;
use std::path::{Path, PathBuf};

use skywright_contract::{Blame, Category, PackageError};

use crate::tool_chain::TARGET;

/// Every way in which an author's command fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no `plugin.toml`.
    #[error("{} is not a plugin's folder: it has no plugin.toml", .folder.display())]
    NotAPlugin {
        /// The folder.
        folder: PathBuf,
    },
    /// `plugin.toml` does not parse, has an unknown key, or a value that is none.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// The parser's message.
        message: String,
    },
    /// A key is neither in `plugin.toml` nor in `Cargo.toml`.
    #[error("{} has no `{key}`, and there is no Cargo.toml that has one", .path.display())]
    Missing {
        /// `plugin.toml`.
        path: PathBuf,
        /// `version` or `license`.
        key: &'static str,
    },
    /// Two files say different things.
    #[error("plugin.toml says {key} {plugin:?}, Cargo.toml says {cargo:?}")]
    Differs {
        /// `version` or `license`.
        key: &'static str,
        /// In `plugin.toml`.
        plugin: String,
        /// In `Cargo.toml`.
        cargo: String,
    },
    /// Neither a crate nor a `[build]` table.
    #[error("nothing says how {} is built: it has no Cargo.toml, and its plugin.toml no [build] table", .folder.display())]
    NoBuild {
        /// The folder.
        folder: PathBuf,
    },
    /// The crate has no library, or cargo does not know it.
    #[error("{} has no library: a plugin is the library of its crate", .manifest.display())]
    NoLibrary {
        /// `Cargo.toml`.
        manifest: PathBuf,
    },
    /// `[build]` names a command without a word.
    #[error("{}: [build] command is empty", .path.display())]
    EmptyCommand {
        /// `plugin.toml`.
        path: PathBuf,
    },
    /// Nothing here compiles Rust to WebAssembly, or what was asked for does not.
    #[error("no tool chain here builds for {TARGET}: {}", .tried.join("; "))]
    NoToolChain {
        /// What was looked for, and why it is none.
        tried: Vec<String>,
        /// The command that would help.
        command: String,
    },
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// Its name or path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program took too long and was ended.
    #[error("{program} was ended after {seconds} s")]
    TimedOut {
        /// Its name or path.
        program: String,
        /// How long it was given.
        seconds: u64,
    },
    /// A program failed.
    #[error("{program} failed: {status}{}", printed(.output))]
    Failed {
        /// Its name or path.
        program: String,
        /// Its exit status.
        status: String,
        /// The last of what it printed.
        output: String,
    },
    /// A program printed what was not expected.
    #[error("{program} answered what is not understood: {message}")]
    Answer {
        /// Its name.
        program: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The module is not one that becomes a component.
    #[error("what {} compiles to does not become a component: {message}", .folder.display())]
    Component {
        /// The plugin's folder.
        folder: PathBuf,
        /// The encoder's message.
        message: String,
    },
    /// The component does not keep the contract.
    #[error("{}: {source}", .component.display())]
    Contract {
        /// The component, or the folder of the crate that made it.
        component: PathBuf,
        /// What is wrong with it.
        source: Box<PackageError>,
    },
    /// A cache folder is needed, and neither the caller nor the environment names one.
    #[error("there is no folder for compiled guests: XDG_CACHE_HOME and HOME are not set")]
    NoCache,
    /// Not a name that a plugin can have.
    #[error(
        "{name:?} is not a plugin's name: lower-case letters, digits and single hyphens, first a letter, at most 40; a publisher's name and a slash may stand before it"
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// A new plugin never goes where something is already.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
}

impl From<skywright_files::Error> for Error {
    fn from(error: skywright_files::Error) -> Self {
        Self::Io { action: error.action, path: error.path, source: error.source }
    }
}

impl Error {
    /// For `map_err` behind a file operation.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotAPlugin { .. } => {
                "name the folder that holds plugin.toml, or start one: skywright plugin new NAME"
            }
            Self::Missing { .. } => "write it into plugin.toml",
            Self::Differs { .. } => "leave it out of plugin.toml: Cargo.toml's is taken then",
            Self::NoBuild { .. } => "add a [build] table with `command` and `component`",
            Self::NoLibrary { .. } => "give the crate a src/lib.rs",
            Self::NoToolChain { command, .. } => return Some(format!("run: {command}")),
            Self::Contract { source, .. } => match **source {
                PackageError::UndeclaredImports(_) => {
                    "add what the brackets name to `capabilities` in plugin.toml"
                }
                PackageError::CoreModule => {
                    "let the build command make a component: `wasm-tools component new`"
                }
                _ => return None,
            },
            Self::NoCache => "set XDG_CACHE_HOME or HOME",
            Self::Exists { .. } => "choose another name, or remove it yourself",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// What kind of failure it is; exit codes follow from it.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::NotAPlugin { .. } => Category::NotFound,
            Self::Exists { .. } => Category::AlreadyExists,
            Self::NoToolChain { .. } | Self::Start { .. } | Self::NoCache => Category::Unsupported,
            Self::TimedOut { .. } => Category::Timeout,
            Self::Io { .. } => Category::Other,
            Self::Answer { .. } => Category::Internal,
            _ => Category::InvalidRequest,
        }
    }

    /// Who has to act on it: the author, who is the plugin, or whoever keeps the machine.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Differs { .. }
            | Self::Missing { .. }
            | Self::Syntax { .. }
            | Self::NoBuild { .. }
            | Self::NoLibrary { .. }
            | Self::EmptyCommand { .. }
            | Self::Failed { .. }
            | Self::Component { .. }
            | Self::Contract { .. } => Blame::Plugin,
            Self::Answer { .. } => Blame::Host,
            _ => Blame::Operator,
        }
    }
}

/// A program's output below the line that says it failed, if it printed any.
fn printed(output: &str) -> String {
    if output.is_empty() { String::new() } else { format!("\n{}", output.trim_end()) }
}
