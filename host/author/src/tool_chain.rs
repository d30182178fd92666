//! What compiles Rust to WebAssembly here: found, fetched, or told how to get.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Stream};
use crate::{Error, Event, Progress};

/// The target of every guest: no WASI, so that a guest imports nothing that it does not name.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may take. Where it may not download, it can hang for minutes.
const RUSTUP: Duration = Duration::from_secs(30);

/// How long apt-get may take; some 150 MB are fetched.
const APT: Duration = Duration::from_secs(900);

/// Debian's packages that build the standard library for the target.
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// The least rustc that knows what `-Zbuild-std` needs here, and edition 2024.
const LEAST_RUSTC: semver::Version = semver::Version::new(1, 85, 0);

/// The ways to a tool chain, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The rustc in use has the target.
    Installed,
    /// `rustup target add` gave it the target just now.
    Rustup,
    /// Debian's `rustc-web`, which builds the standard library from its source.
    Debian,
    /// The same, installed by apt-get just now.
    Apt,
}

impl Way {
    /// All of them, in order.
    pub const ALL: &[Self] = &[Self::Installed, Self::Rustup, Self::Debian, Self::Apt];

    /// Whether something is installed on the machine in the course of it.
    fn installs(self) -> bool {
        matches!(self, Self::Rustup | Self::Apt)
    }
}

/// A tool chain that compiles guests. Its `Display` says which, and why it was chosen.
#[derive(Debug, Clone)]
pub struct ToolChain {
    /// How it was come by.
    pub way: Way,
    /// What `rustc --version` says.
    pub version: String,
    /// Why this one, for people.
    pub reason: String,
    rustc: PathBuf,
    cargo: PathBuf,
    /// The library's source, where cargo builds it; as its paths appear in what is compiled.
    sources: Vec<PathBuf>,
    linker: Option<PathBuf>,
}

impl fmt::Display for ToolChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.version, self.reason)
    }
}

/// Why a way is none.
enum No {
    /// It leads nowhere here; the text says why.
    Because(String),
    /// Something went wrong on it that must not be passed over.
    Error(Error),
}

impl From<Error> for No {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl ToolChain {
    /// Tries `ways` in turn. Those that install something are passed over unless `may_install`.
    ///
    /// Which rustc is in use is asked in `folder`, where a `rust-toolchain.toml` may decide it.
    /// Costs a few processes; up to 30 s if rustup cannot download; minutes if apt-get installs.
    ///
    /// # Errors
    ///
    /// [`Error::NoToolChain`], with every way that was tried and one command that would help.
    pub fn find(
        folder: &Path,
        ways: &[Way],
        may_install: bool,
        progress: Progress<'_>,
    ) -> Result<Self, Error> {
        let mut tried = Vec::new();
        for way in ways {
            if way.installs() && !may_install {
                continue;
            }
            let found = match way {
                Way::Installed => installed(folder),
                Way::Rustup => rustup(folder, progress),
                Way::Debian => debian(),
                Way::Apt => apt(progress),
            };
            match found {
                Ok(tool_chain) => {
                    progress(Event::ToolChain(&tool_chain));
                    return Ok(tool_chain);
                }
                Err(No::Because(reason)) => tried.push(reason),
                Err(No::Error(error)) => return Err(error),
            }
        }
        let command = match find_program("rustup") {
            Some(_) => format!("rustup target add {TARGET}"),
            None => format!("sudo apt-get install {}", PACKAGES.join(" ")),
        };
        Err(Error::NoToolChain { tried, command })
    }

    /// `cargo SUBCOMMAND` of this tool chain, in an environment that cannot change what is compiled.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = plain_cargo(&self.cargo, subcommand);
        if !self.sources.is_empty() {
            command.env("RUSTC", &self.rustc).env("RUSTC_BOOTSTRAP", "1");
        }
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }

    /// What has to be added to a build's arguments.
    pub(crate) fn build_arguments(&self) -> &'static [&'static str] {
        if self.sources.is_empty() { &[] } else { &["-Zbuild-std=std,panic_abort"] }
    }

    /// Where the standard library's source lies, if code compiled from it carries that path.
    pub(crate) fn std_sources(&self) -> Result<Vec<PathBuf>, Error> {
        if !self.sources.is_empty() {
            return Ok(self.sources.clone());
        }
        // The compiled library names its source by a path of its own, which rustc turns back into
        // this one where the `rust-src` component is installed.
        Ok(vec![sysroot(&mut Command::new(&self.rustc))?.join("lib/rustlib/src/rust")])
    }
}

/// `cargo SUBCOMMAND` without the variables by which a caller's environment changes a build.
pub(crate) fn plain_cargo(cargo: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(cargo);
    command.arg(subcommand);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(changes_a_build) {
            command.env_remove(name);
        }
    }
    command
}

/// Where cargo keeps and fetches things may be said by the environment; what it compiles, not.
fn changes_a_build(variable: &str) -> bool {
    const KEPT: [&str; 6] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_TERM_"];
    let cargo = variable.starts_with("CARGO_") && !KEPT.iter().any(|kept| variable.starts_with(kept));
    let rustc = variable == "RUSTC" || variable.starts_with("RUSTC_");
    cargo || rustc || ["CARGO", "RUSTFLAGS", "RUSTDOCFLAGS", "SOURCE_DATE_EPOCH"].contains(&variable)
}

fn installed(folder: &Path) -> Result<ToolChain, No> {
    let (rustc, cargo) = (PathBuf::from("rustc"), PathBuf::from("cargo"));
    if find_program("rustc").is_none() || find_program("cargo").is_none() {
        return Err(No::Because("no rustc and cargo in PATH".into()));
    }
    let in_folder = || {
        let mut command = Command::new(&rustc);
        command.current_dir(folder);
        command
    };
    let version = version(&mut in_folder())?;
    let libraries = process::output(in_folder().args(["--print", "target-libdir", "--target", TARGET]))?;
    if !has_standard_library(Path::new(libraries.trim())) {
        return Err(No::Because(format!("{version} has no standard library for the target")));
    }
    let reason = format!("it has the target {TARGET}");
    Ok(ToolChain { way: Way::Installed, version, reason, rustc, cargo, sources: Vec::new(), linker: None })
}

fn has_standard_library(folder: &Path) -> bool {
    let Ok(files) = fs::read_dir(folder) else { return false };
    let names: Vec<_> = files.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    ["libcore-", "libstd-"]
        .iter()
        .all(|library| names.iter().any(|name| name.starts_with(library) && name.ends_with(".rlib")))
}

fn rustup(folder: &Path, progress: Progress<'_>) -> Result<ToolChain, No> {
    if find_program("rustup").is_none() {
        return Err(No::Because("there is no rustup".into()));
    }
    progress(Event::Step(&format!(
        "asking rustup for the target {TARGET}, for at most {} s",
        RUSTUP.as_secs()
    )));
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).current_dir(folder);
    let mut last = String::new();
    let ended = process::run(&mut command, Some(RUSTUP), &mut |_, line| {
        progress(Event::Output(line));
        line.clone_into(&mut last);
    });
    match ended {
        Ok(status) if status.success() => {}
        Ok(_) => return Err(No::Because(format!("rustup cannot add the target: {}", last.trim()))),
        Err(Error::TimedOut { seconds, .. }) => {
            return Err(No::Because(format!("rustup did not fetch the target within {seconds} s")));
        }
        Err(other) => return Err(No::Error(other)),
    }
    let tool_chain = installed(folder)?;
    Ok(ToolChain { way: Way::Rustup, reason: format!("rustup gave it the target {TARGET}"), ..tool_chain })
}

fn debian() -> Result<ToolChain, No> {
    let (rustc, cargo) = (PathBuf::from("/usr/bin/rustc"), PathBuf::from("/usr/bin/cargo"));
    if !rustc.is_file() || !cargo.is_file() {
        return Err(No::Because("Debian's rustc-web and cargo-web are not installed".into()));
    }
    let version = version(&mut Command::new(&rustc))?;
    let number = number(&version);
    if number.as_ref().is_none_or(|number| *number < LEAST_RUSTC) {
        return Err(No::Because(format!("/usr/bin/rustc is {version}, older than {LEAST_RUSTC}")));
    }
    let cargo_version = self::version(&mut Command::new(&cargo))?;
    if self::number(&cargo_version).map(|number| number.minor) != number.map(|number| number.minor) {
        return Err(No::Because(format!("/usr/bin holds {version} and {cargo_version}, which do not fit")));
    }
    let source = sysroot(&mut Command::new(&rustc))?.join("lib/rustlib/src/rust");
    if !source.join("library/Cargo.lock").is_file() {
        return Err(No::Because(format!("{version} has no source of its library (rust-web-src)")));
    }
    let Some(linker) = linker()? else {
        return Err(No::Because("there is no linker for WebAssembly (lld-22)".into()));
    };
    // The folder is a link to a versioned one; either may appear.
    let resolved = fs::canonicalize(&source).map_err(Error::io("open", &source))?;
    let reason = format!(
        "no rustc here has the target, so /usr/bin/cargo builds the library from {}",
        source.display()
    );
    let sources = vec![source, resolved];
    Ok(ToolChain { way: Way::Debian, version, reason, rustc, cargo, sources, linker: Some(linker) })
}

/// LLVM's linker under a name that makes it link WebAssembly: Debian's, else the one of rustup.
fn linker() -> Result<Option<PathBuf>, Error> {
    if let Some(found) = ["rust-lld", "wasm-ld", "wasm-ld-22"]
        .map(|name| Path::new("/usr/bin").join(name))
        .into_iter()
        .find(|p| p.exists())
    {
        return Ok(Some(found));
    }
    if find_program("rustup").is_none() {
        return Ok(None);
    }
    let mut rustc = Command::new("rustc");
    let Ok(host) = process::output(Command::new("rustc").args(["--print", "host-tuple"])) else {
        return Ok(None);
    };
    let linker = sysroot(&mut rustc)?.join("lib/rustlib").join(host.trim()).join("bin/rust-lld");
    Ok(linker.is_file().then_some(linker))
}

fn apt(progress: Progress<'_>) -> Result<ToolChain, No> {
    if find_program("apt-get").is_none() {
        return Err(No::Because("there is no apt-get".into()));
    }
    if process::output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(No::Because("apt-get needs root".into()));
    }
    progress(Event::Step(&format!("installing Debian's {} with apt-get", PACKAGES.join(", "))));
    let install = ["install", "-y", "--no-install-recommends"];
    for arguments in [&["update"][..], &[&install[..], &PACKAGES[..]].concat()] {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-o", "DPkg::Lock::Timeout=120"]).args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        let mut last = String::new();
        let status = process::run(&mut command, Some(APT), &mut |stream, line| {
            progress(Event::Output(line));
            if stream == Stream::Error {
                line.clone_into(&mut last);
            }
        })?;
        if !status.success() {
            return Err(No::Because(format!("apt-get {} failed: {}", arguments[0], last.trim())));
        }
    }
    let tool_chain = debian()?;
    let reason = format!("installed by apt-get; {}", tool_chain.reason);
    Ok(ToolChain { way: Way::Apt, reason, ..tool_chain })
}

fn sysroot(rustc: &mut Command) -> Result<PathBuf, Error> {
    Ok(PathBuf::from(process::output(rustc.args(["--print", "sysroot"]))?.trim()))
}

fn version(program: &mut Command) -> Result<String, Error> {
    Ok(process::output(program.arg("--version"))?.trim().to_owned())
}

/// The number in what `--version` prints: `rustc 1.95.0 (59807616e 2026-04-14)`.
fn number(version: &str) -> Option<semver::Version> {
    version.split_whitespace().nth(1)?.parse().ok()
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_folder_counts_only_with_both_libraries() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_standard_library(&folder.path().join("none")));
        fs::write(folder.path().join("libcore-1.rlib"), "").unwrap();
        fs::write(folder.path().join("libstd-1.rmeta"), "").unwrap();
        assert!(!has_standard_library(folder.path()));
        fs::write(folder.path().join("libstd-1.rlib"), "").unwrap();
        assert!(has_standard_library(folder.path()));
    }

    #[test]
    fn versions_are_read_from_what_programs_print() {
        assert_eq!(
            number("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"),
            Some(semver::Version::new(1, 96, 0))
        );
        assert_eq!(number("cargo"), None);
    }

    #[test]
    fn the_environment_says_where_but_not_what() {
        for kept in
            ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_ACME_INDEX", "PATH", "RUSTUP_TOOLCHAIN"]
        {
            assert!(!changes_a_build(kept), "{kept}");
        }
        for removed in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTC_WRAPPER",
            "CARGO_TARGET_DIR",
        ] {
            assert!(changes_a_build(removed), "{removed}");
        }
    }

    #[test]
    fn with_no_way_left_there_is_one_command_to_run() {
        let error = ToolChain::find(Path::new("/"), &[], false, &mut |_| {}).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.starts_with("run: ")), "{error}");
    }
}
