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

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    /// Where it is fetched from; `None` for what lies in a folder.
    source: Option<String>,
    manifest_path: PathBuf,
    version: semver::Version,
    license: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// One line of `--message-format=json`; all but `compiler-artifact` is passed over.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<Target>,
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

    /// Compiles the crate's library and returns the core module.
    ///
    /// Paths that differ between machines are mapped away. Cargo names a crate's symbols by its place
    /// below the workspace, so a dependency by path that lies outside of the workspace still makes
    /// the bytes depend on where it is.
    pub(crate) fn compile(
        &self,
        tool_chain: &ToolChain,
        target_dir: &Path,
        progress: Progress<'_>,
    ) -> Result<Vec<u8>, Error> {
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
        let mut module = None;
        let status = process::run(&mut command, None, &mut |stream, line| match stream {
            Stream::Output => module = self.artefact(line).or(module.take()),
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
        fs::read(&module).map_err(Error::io("read", &module))
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
        let mut command = tool_chain.cargo("metadata");
        command
            .args(["--format-version=1", "--filter-platform", TARGET, "--manifest-path"])
            .arg(&self.manifest);
        self.lock_versions(&mut command);
        let metadata = metadata(command)?;
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

    fn artefact(&self, line: &str) -> Option<PathBuf> {
        let message: Message = serde_json::from_str(line).ok()?;
        let ours = message.reason == "compiler-artifact"
            && message.manifest_path == self.manifest
            && message.target?.crate_types.iter().any(|kind| kind == "cdylib");
        message.filenames.into_iter().find(|file| ours && file.extension().is_some_and(|ext| ext == "wasm"))
    }

    /// The paths that must not be in what was compiled.
    pub(crate) fn workspace(&self) -> &Path {
        &self.workspace
    }
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
