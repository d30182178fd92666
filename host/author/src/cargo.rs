//! Cargo, as a guest is built with it: the same bytes from the same source, wherever it lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::process::{self, Stream, Tail};
use crate::project::CrateFacts;
use crate::tool_chain::{TARGET, ToolChain};
use crate::{Error, Event, Progress};

/// A crate as `cargo metadata` describes it.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) facts: CrateFacts,
    manifest: PathBuf,
    workspace: PathBuf,
    has_library: bool,
}

/// What `cargo metadata` answers, as far as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    workspace_root: PathBuf,
    /// Who depends on whom; `None` if it was asked without dependencies.
    pub(crate) resolve: Option<Resolve>,
}

/// A package that cargo knows.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Where it is fetched from; `None` for what lies in a folder.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) version: semver::Version,
    pub(crate) license: Option<String>,
    targets: Vec<Target>,
}

/// The graph of packages.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// A package in the graph, by id, and those that it depends on.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) dependencies: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// What compiling a crate gave.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The core module.
    pub(crate) module: Vec<u8>,
    /// Every package that cargo compiled on the way or had compiled before.
    pub(crate) units: Vec<Unit>,
}

/// A package as cargo compiled it: for the guest, or for what runs while it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) package_id: String,
    pub(crate) is_in_guest: bool,
    pub(crate) features: Vec<String>,
}

/// One line of `--message-format=json`; all but `compiler-artifact` is passed over.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<Target>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Crate {
    /// Asks `cargo metadata` about the crate in a folder. Needs no network and takes no lock.
    pub(crate) fn read(mut command: Command, folder: &Path) -> Result<Self, Error> {
        let manifest = folder.join("Cargo.toml");
        command
            .args(["--no-deps", "--format-version=1", "--manifest-path"])
            .arg(&manifest)
            .current_dir(folder);
        let metadata = metadata(command)?;
        let Some(package) = metadata.packages.into_iter().find(|package| package.manifest_path == manifest)
        else {
            return Err(Error::NoLibrary { manifest });
        };
        let library = |target: &Target| target.crate_types.iter().any(|kind| kind.ends_with("lib"));
        Ok(Self {
            facts: CrateFacts { version: Some(package.version), license: package.license },
            has_library: package.targets.iter().any(library),
            workspace: metadata.workspace_root,
            manifest,
        })
    }

    /// Compiles the crate's library: the core module, and what it was made of.
    ///
    /// Paths that differ between machines are mapped away. Cargo names a crate's symbols by its place
    /// below the workspace, so a dependency by path that lies outside of the workspace still makes
    /// the bytes depend on where it is.
    pub(crate) fn compile(
        &self,
        tool_chain: &ToolChain,
        target_dir: &Path,
        progress: Progress<'_>,
    ) -> Result<Compiled, Error> {
        if !self.has_library {
            return Err(Error::NoLibrary { manifest: self.manifest.clone() });
        }
        fs::create_dir_all(target_dir).map_err(Error::io("make", target_dir))?;
        // Guests share a target folder, and two of one name its output: cargo's own lock ends before
        // the output is read.
        let lock_path = target_dir.join(".skywright-lock");
        let lock = fs::File::create(&lock_path).map_err(Error::io("make", &lock_path))?;
        lock.lock().map_err(Error::io("lock", &lock_path))?;

        self.forget_namesakes(tool_chain, target_dir)?;

        let mut command = tool_chain.cargo("rustc");
        command
            .args(["--release", "--lib", "--crate-type=cdylib", "--message-format=json-render-diagnostics"])
            .arg(format!("--target={TARGET}"))
            .arg("--manifest-path")
            .arg(&self.manifest)
            .arg("--target-dir")
            .arg(target_dir)
            .args(tool_chain.build_arguments())
            .env("CARGO_ENCODED_RUSTFLAGS", shared_flags(tool_chain, target_dir)?)
            .current_dir(self.manifest.parent().unwrap_or(&self.workspace));
        self.lock_versions(&mut command);
        // Flags of this crate alone: were they in the variable, cargo would build the standard
        // library and every dependency again for each workspace.
        command.arg("--").arg(remap(&self.workspace, "/plugin"));

        let mut printed = Tail::default();
        let (mut module, mut units) = (None, Vec::new());
        let for_guest = target_dir.join(TARGET);
        let status = process::run(&mut command, None, &mut |stream, line| match stream {
            Stream::Output => {
                let Some(message) = artefact(line) else { return };
                units.push(message.unit(&for_guest));
                module = self.module(message).or(module.take());
            }
            Stream::Error => {
                printed.push(line);
                progress(Event::Output(line));
            }
        })?;
        process::succeeded(&command, status, printed)?;
        let Some(module) = module else {
            return Err(Error::Answer {
                program: "cargo",
                message: "it names no module that it made".into(),
            });
        };
        let module = fs::read(&module).map_err(Error::io("read", &module))?;
        Ok(Compiled { module, units })
    }

    /// Every package that the crate depends on for the guests' target, and who depends on whom.
    /// What is not on this machine yet is fetched.
    pub(crate) fn metadata(&self, tool_chain: &ToolChain) -> Result<Metadata, Error> {
        let mut command = tool_chain.cargo("metadata");
        command
            .args(["--format-version=1", "--filter-platform", TARGET, "--manifest-path"])
            .arg(&self.manifest);
        self.lock_versions(&mut command);
        metadata(command)
    }

    /// Has cargo forget what it compiled of folders, if another workspace used this target folder last.
    ///
    /// Cargo tells two crates of one name and version apart by their place below their workspaces and
    /// the age of their files: it would take another guest's SDK for this one's.
    fn forget_namesakes(&self, tool_chain: &ToolChain, target_dir: &Path) -> Result<(), Error> {
        let note = target_dir.join(".skywright-workspace");
        let workspace = self.workspace.as_os_str().as_encoded_bytes();
        if fs::read(&note).is_ok_and(|last| last == workspace) {
            return Ok(());
        }
        let metadata = self.metadata(tool_chain)?;
        let mut command = tool_chain.cargo("clean");
        command.args(["--release", "--target", TARGET, "--target-dir"]).arg(target_dir);
        command.arg("--manifest-path").arg(&self.manifest);
        for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
            command.args(["--package", &package.id]);
        }
        process::output(&mut command)?;
        fs::write(&note, workspace).map_err(Error::io("write", &note))
    }

    fn lock_versions(&self, command: &mut Command) {
        if self.workspace.join("Cargo.lock").is_file() {
            command.arg("--locked");
        }
    }

    /// The module, if it is this crate's that was compiled.
    fn module(&self, message: Message) -> Option<PathBuf> {
        let ours = message.manifest_path == self.manifest
            && message.target?.crate_types.iter().any(|kind| kind == "cdylib");
        message.filenames.into_iter().find(|file| ours && file.extension().is_some_and(|ext| ext == "wasm"))
    }

    /// The paths that must not be in what was compiled.
    pub(crate) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Its `Cargo.toml`.
    pub(crate) fn manifest(&self) -> &Path {
        &self.manifest
    }
}

impl Message {
    /// `for_guest` is where cargo puts what it compiles for the guests' target.
    fn unit(&self, for_guest: &Path) -> Unit {
        Unit {
            package_id: self.package_id.clone(),
            is_in_guest: self.filenames.iter().any(|file| file.starts_with(for_guest)),
            features: self.features.clone(),
        }
    }
}

/// A line that says what was compiled.
fn artefact(line: &str) -> Option<Message> {
    serde_json::from_str::<Message>(line).ok().filter(|message| message.reason == "compiler-artifact")
}

fn metadata(mut command: Command) -> Result<Metadata, Error> {
    let answer = process::output(&mut command)?;
    serde_json::from_str(&answer)
        .map_err(|error| Error::Answer { program: "cargo metadata", message: error.to_string() })
}

/// The flags of every crate of every guest, as cargo wants them: apart by unit separators.
/// They hold nothing of the guest itself, so that guests share what they have in common.
fn shared_flags(tool_chain: &ToolChain, target_dir: &Path) -> Result<String, Error> {
    let mut flags = Vec::new();
    if let Some(home) = cargo_home() {
        flags.push(remap(&home, "/cargo"));
    }
    for source in tool_chain.std_sources()? {
        flags.push(remap(&source, "/rust"));
    }
    flags.push(remap(target_dir, "/target"));
    Ok(flags.join("\x1f"))
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

fn cargo_home() -> Option<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => Some(home.into()),
        None => Some(std::env::home_dir()?.join(".cargo")),
    }
}
