//! `cargo xtask rig`: real control planes on loopback. The work is in `tests/rigs`.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::{Args, Subcommand};

use crate::error::Error;
use crate::places::Places;
use crate::run::{Interrupt, run};
use crate::say;

/// The ports of the rig's services; an offset is added to all of them.
const PORTS: [u16; 14] =
    [5000, 8778, 9292, 8774, 9696, 8776, 8080, 6200, 6201, 6202, 5672, 25672, 4369, 11211];

/// The largest offset that is tried.
const LAST_OFFSET: u16 = 30_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    /// Keystone, Nova, Neutron, Glance, Cinder and Swift
    Openstack(OpenstackArguments),
}

#[derive(Debug, Args)]
pub(crate) struct OpenstackArguments {
    #[command(subcommand)]
    command: OpenstackCommand,
}

#[derive(Debug, Subcommand)]
enum OpenstackCommand {
    /// Install what is missing, start it, and wait until it answers
    Up,
    /// Make the project, users, flavours, images and networks that tests expect
    Seed,
    /// Print how to reach it: shell exports, or `clouds`, `keys` or `json`
    Env {
        /// `clouds` for clouds.yaml, `keys` for the credentials, `json` for everything
        form: Option<String>,
    },
    /// Stop it; data stays
    Down,
    /// Say what runs
    Status,
    /// Stop it and forget its data
    Reset,
    /// Walk it with the real client
    Smoke,
}

pub(crate) fn openstack(
    places: &Places,
    interrupt: &Interrupt,
    arguments: &OpenstackArguments,
) -> Result<(), Error> {
    let rig = Openstack::new(places)?;
    match &arguments.command {
        OpenstackCommand::Up => rig.up(interrupt),
        OpenstackCommand::Seed => rig.seed(interrupt),
        OpenstackCommand::Env { form } => rig.script(interrupt, ["env"].into_iter().chain(form.as_deref())),
        OpenstackCommand::Down => rig.down(),
        OpenstackCommand::Status => rig.script(interrupt, ["status"]),
        OpenstackCommand::Reset => rig.script(interrupt, ["reset"]),
        OpenstackCommand::Smoke => rig.smoke(interrupt),
    }
}

/// The rig and the folder that its state is in.
#[derive(Debug)]
pub(crate) struct Openstack {
    folder: PathBuf,
    state: PathBuf,
}

impl Openstack {
    /// The state is where `OPENSTACK_RIG_DIR` says, else in the cache folder.
    pub(crate) fn new(places: &Places) -> Result<Self, Error> {
        let state = match std::env::var_os("OPENSTACK_RIG_DIR").map(PathBuf::from) {
            Some(given) => std::path::absolute(&given).map_err(Error::io("open", given))?,
            None => places.cache.join("openstack-rig"),
        };
        Ok(Self { folder: places.root.join("tests/rigs/openstack"), state })
    }

    /// Installs what is missing and starts what does not run.
    pub(crate) fn up(&self, interrupt: &Interrupt) -> Result<(), Error> {
        self.install(interrupt)?;
        self.script(interrupt, ["up"])
    }

    /// Installs what is missing. As root it installs Debian's packages.
    pub(crate) fn install(&self, interrupt: &Interrupt) -> Result<(), Error> {
        let mut script = self.command(["install"]);
        script.envs(self.port_offset()?.map(|offset| ("RIG_PORT_OFFSET", offset.to_string())));
        run(interrupt, "openstack-rig install", &mut script)
    }

    pub(crate) fn seed(&self, interrupt: &Interrupt) -> Result<(), Error> {
        self.script(interrupt, ["seed"])
    }

    /// Stops it, by the process ids that it wrote down. Not to be interrupted.
    pub(crate) fn down(&self) -> Result<(), Error> {
        self.script(&Interrupt::never(), ["down"])
    }

    /// Whether all of it runs.
    pub(crate) fn is_up(&self) -> bool {
        let mut status = self.command(["status"]);
        status
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    }

    /// Writes how to reach it, as JSON and with its passwords, to a file that only the user can read.
    pub(crate) fn write_access(&self) -> Result<PathBuf, Error> {
        let start = |source| Error::Start { program: "openstack-rig env json".to_owned(), source };
        let answer = self.command(["env", "json"]).stdin(Stdio::null()).output().map_err(start)?;
        if !answer.status.success() {
            let status = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
            return Err(Error::Failed { what: "openstack-rig env json".to_owned(), status });
        }
        let path = self.state.join("access.json");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("write", &path))?;
        file.write_all(&answer.stdout).map_err(Error::io("write", &path))?;
        Ok(path)
    }

    fn smoke(&self, interrupt: &Interrupt) -> Result<(), Error> {
        let mut python = Command::new(self.state.join("venv/bin/python"));
        python.arg(self.folder.join("smoke.py")).env("OPENSTACK_RIG_DIR", &self.state);
        run(interrupt, "smoke.py", &mut python)
    }

    fn script<'a>(
        &self,
        interrupt: &Interrupt,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Error> {
        let mut command = self.command(arguments);
        let what = format!("openstack-rig {}", first_argument(&command));
        run(interrupt, &what, &mut command)
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new("bash");
        command.arg(self.folder.join("openstack-rig")).args(arguments).env("OPENSTACK_RIG_DIR", &self.state);
        command
    }

    /// For a rig that is new here: an offset at which all its ports are free. One that was up before
    /// remembers its own.
    fn port_offset(&self) -> Result<Option<u16>, Error> {
        if std::env::var_os("RIG_PORT_OFFSET").is_some() || self.state.join("settings").exists() {
            return Ok(None);
        }
        let free = |offset: &u16| PORTS.iter().all(|port| is_free(port + offset));
        (0..=LAST_OFFSET).step_by(1000).find(free).map(Some).ok_or(Error::NoPorts(LAST_OFFSET))
    }
}

/// A rig that is taken down when this goes, unless it was up before.
pub(crate) struct Running<'a> {
    rig: &'a Openstack,
    was_up: bool,
}

impl<'a> Running<'a> {
    pub(crate) fn start(rig: &'a Openstack, interrupt: &Interrupt) -> Result<Self, Error> {
        let running = Self { rig, was_up: rig.is_up() };
        // What a failed start leaves behind is taken down as well.
        rig.up(interrupt)?;
        Ok(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.was_up {
            return;
        }
        if let Err(error) = self.rig.down() {
            say::error(&error);
        }
    }
}

fn first_argument(command: &Command) -> String {
    command.get_args().nth(1).unwrap_or_default().to_string_lossy().into_owned()
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
