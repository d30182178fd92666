//! From a plugin's folder to one plugin file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skywright_contract::{Interfaces, Package, check, embed_manifest};

use crate::cargo::{Compiled, Crate};
use crate::process::{self, Tail};
use crate::project::{BuildCommand, CrateFacts, Project};
use crate::sbom;
use crate::tool_chain::plain_cargo;
use crate::{Error, Event, Progress, ToolChain, Way};

/// How guests are built.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where plugin files go; made if it is not there.
    pub output: PathBuf,
    /// Where compiled crates are kept; `skywright/guests` in the user's cache folder if not given.
    pub target_dir: Option<PathBuf>,
    /// Whether rustup and apt-get may install what is missing.
    pub may_install: bool,
    /// The tool chains to look for, in order.
    pub ways: Vec<Way>,
}

impl Options {
    /// Plugin files into `output`, the rest as it usually is.
    #[must_use]
    pub fn new(output: impl Into<PathBuf>) -> Self {
        Self { output: output.into(), target_dir: None, may_install: true, ways: Way::ALL.to_vec() }
    }
}

/// Builds plugins, one after the other, with one tool chain.
#[derive(Debug)]
pub struct Builder {
    options: Options,
    tool_chain: Option<ToolChain>,
}

/// A plugin that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// The file: the plugin's name and `.wasm`, in the output folder.
    pub path: PathBuf,
    /// Its software bill of materials, CycloneDX 1.5 as JSON: the plugin's name and `.cdx.json`, beside it.
    /// Of a plugin that another tool chain made it names the plugin alone, and says that more is not known.
    pub sbom: PathBuf,
    /// What is in it.
    pub package: Package,
    /// What it imports and exports.
    pub interfaces: Interfaces,
}

impl Builder {
    /// Nothing is looked for or made before the first build.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, tool_chain: None }
    }

    /// Builds the plugin in `folder`, holds it against the contract and writes its file, replacing
    /// one of the same name at once. The same source gives the same bytes wherever it lies, as long
    /// as the tool chain is the same and no dependency by path is outside of the crate's workspace.
    /// The bill of materials beside it names what cargo compiled for it, and is as reproducible.
    ///
    /// The first build of a crate takes from seconds to minutes.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; no file is written then.
    pub fn build(&mut self, folder: &Path, progress: Progress<'_>) -> Result<Built, Error> {
        let project = Project::read(folder)?;
        let facts = match (project.is_crate(), &project.build) {
            (true, None) => {
                Some(Crate::read(self.tool_chain(&project, progress)?.cargo("metadata"), &project.folder)?)
            }
            (true, Some(_)) => Some(Crate::read(plain_cargo("cargo".as_ref(), "metadata"), &project.folder)?),
            (false, _) => None,
        };
        // Before anything is compiled: what is wrong with the manifest need not wait for it.
        let manifest = project
            .manifest(&facts.as_ref().map_or_else(CrateFacts::default, |found| found.facts.clone()))?;
        let Made { component, source, crates } = match (&project.build, &facts) {
            (Some(build), _) => run_command(&project, build, progress)?,
            (None, Some(found)) => self.compile(&project, found, progress)?,
            (None, None) => return Err(Error::NoBuild { folder: project.folder }),
        };
        let contract = |error| Error::Contract { component: source.clone(), source: Box::new(error) };
        let plugin = embed_manifest(&component, &manifest).map_err(contract)?;
        let (package, interfaces) = check(&plugin).map_err(contract)?;
        if let Some(found) = &facts {
            warn_of_paths(&plugin, found.workspace(), progress);
        }
        let output = |suffix| self.options.output.join(format!("{}.{suffix}", project.id().name()));
        let (path, sbom) = (output("wasm"), output("cdx.json"));
        // First: a plugin without one would not be published, and the other way round does no harm.
        write(&sbom, &sbom::document(&package, crates.as_ref())?)?;
        write(&path, &plugin)?;
        Ok(Built { path, sbom, package, interfaces })
    }

    fn tool_chain(&mut self, project: &Project, progress: Progress<'_>) -> Result<&ToolChain, Error> {
        let known = match self.tool_chain.take() {
            Some(known) => known,
            None => ToolChain::find(&project.folder, &self.options.ways, self.options.may_install, progress)?,
        };
        Ok(self.tool_chain.insert(known))
    }

    fn compile(&mut self, project: &Project, found: &Crate, progress: Progress<'_>) -> Result<Made, Error> {
        let target_dir = match &self.options.target_dir {
            Some(given) => std::path::absolute(given).map_err(Error::io("open", given))?,
            None => cache_folder()?.join("skywright/guests"),
        };
        let tool_chain = self.tool_chain(project, progress)?;
        progress(Event::Step(&format!("compiling {}", project.id())));
        let Compiled { module, units } = found.compile(tool_chain, &target_dir, progress)?;
        let crates = sbom::Crates::read(found, tool_chain, units)?;
        let source = project.folder.clone();
        let component =
            encode(&module).map_err(|message| Error::Component { folder: source.clone(), message })?;
        Ok(Made { component, source, crates: Some(crates) })
    }
}

/// A component before the manifest is in it.
struct Made {
    component: Vec<u8>,
    /// Where it is from, for people.
    source: PathBuf,
    /// What it was made of, if cargo made it.
    crates: Option<sbom::Crates>,
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

fn run_command(project: &Project, build: &BuildCommand, progress: Progress<'_>) -> Result<Made, Error> {
    let [program, arguments @ ..] = build.command.as_slice() else {
        return Err(Error::EmptyCommand { path: project.folder.join("plugin.toml") });
    };
    progress(Event::Step(&format!("building {}: {}", project.id(), build.command.join(" "))));
    // `./build.sh` is meant from the plugin's folder, whatever the caller's is.
    let program = match program.contains('/') {
        true => project.folder.join(program).into_os_string(),
        false => OsString::from(program),
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&project.folder);
    let mut printed = Tail::default();
    let status = process::run(&mut command, None, &mut |_, line| {
        printed.push(line);
        progress(Event::Output(line));
    })?;
    process::succeeded(&command, status, printed)?;
    let path = project.folder.join(&build.component);
    let component = fs::read(&path).map_err(Error::io("read", &path))?;
    Ok(Made { component, source: path, crates: None })
}

/// A path of this machine in the plugin is a path of everybody's machine in everybody's digest.
fn warn_of_paths(plugin: &[u8], workspace: &Path, progress: Progress<'_>) {
    let path = workspace.as_os_str().as_encoded_bytes();
    if path.len() > 1 && plugin.windows(path.len()).any(|window| window == path) {
        let text = format!(
            "the plugin holds the path {}: built elsewhere, its digest will differ",
            workspace.display()
        );
        progress(Event::Warning(&text));
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = skywright_files::folder_of(path);
    fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
    Ok(skywright_files::replace(path, bytes, 0o644)?)
}

/// `XDG_CACHE_HOME`, or `.cache` in the home folder.
fn cache_folder() -> Result<PathBuf, Error> {
    if let Some(folder) =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute())
    {
        return Ok(folder);
    }
    std::env::home_dir()
        .filter(|home| home.is_absolute())
        .map(|home| home.join(".cache"))
        .ok_or(Error::NoCache)
}
