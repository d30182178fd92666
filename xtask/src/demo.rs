//! `cargo xtask demo`: the main job, with real hosts on this very machine.

use std::fs;
use std::io::{BufRead as _, ErrorKind, IsTerminal as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;

use crate::error::Error;
use crate::machine;
use crate::places::Places;
use crate::plugins;
use crate::run::{Interrupt, cargo, run};
use crate::say;

/// What the demonstration makes is called so.
const NETWORK: &str = "demo";
const GATEWAY: &str = "gw-demo";
const HOSTS: [&str; 2] = ["demo-1", "demo-2"];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Leave the hosts running; the next run takes them away first
    #[arg(long)]
    keep: bool,
    /// Take away what an earlier run left, and do nothing else
    #[arg(long, conflicts_with = "keep")]
    remove: bool,
    /// Take what was built before, as it is
    #[arg(long)]
    no_build: bool,
}

pub(crate) fn demo(places: &Places, interrupt: &Interrupt, arguments: &Arguments) -> Result<(), Error> {
    machine::need_for_hosts(interrupt)?;
    if !arguments.no_build {
        build(places, interrupt)?;
    }
    let site = Site::new(places, interrupt);
    site.share_images(places)?;
    site.trust_our_plugins(places)?;
    site.remove()?;
    if arguments.remove {
        return Ok(());
    }
    let made = site.make_and_show();
    if made.is_ok() {
        say::note(&site.where_to_go_next());
        if arguments.keep || !site.is_removal_wanted() {
            return Ok(());
        }
    }
    // What was half made goes as well, and when somebody pressed Ctrl-C too.
    let removed = Site { interrupt: &Interrupt::never(), ..site }.remove();
    made.and(removed)
}

fn build(places: &Places, interrupt: &Interrupt) -> Result<(), Error> {
    plugins::plugins(places, interrupt, &plugins::Arguments::default())?;
    // As `test` does it: another choice of targets gives dependencies other features, and compiles them twice.
    let mut build = cargo(["build", "--workspace", "--all-targets"]);
    build.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
    run(interrupt, "cargo build", &mut build)
}

/// The demonstration's own home, and the binary that works in it.
struct Site<'a> {
    binary: PathBuf,
    home: PathBuf,
    interrupt: &'a Interrupt,
}

impl<'a> Site<'a> {
    fn new(places: &Places, interrupt: &'a Interrupt) -> Self {
        let binary = places.target.join("debug/skywright");
        Self { binary, home: places.cache.join("demo"), interrupt }
    }

    /// The image is that of the tests, and outlives this home.
    fn share_images(&self, places: &Places) -> Result<(), Error> {
        let (images, cache) = (places.images(), self.home.join("cache"));
        let here = cache.join("images");
        fs::create_dir_all(&images).map_err(Error::io("make", &images))?;
        fs::create_dir_all(&cache).map_err(Error::io("make", &cache))?;
        match symlink(&images, &here) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::io("make", &here)(error)),
            _ => Ok(()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env("SKYWRIGHT_HOME", &self.home).env("SKYWRIGHT_TENANT", "local");
        command
    }

    /// Runs a command as a person would, and says which.
    fn say_and_run(&self, arguments: &[&str]) -> Result<(), Error> {
        say::note(&format!("\n$ skywright {}", arguments.join(" ")));
        self.quietly(arguments)
    }

    fn quietly(&self, arguments: &[&str]) -> Result<(), Error> {
        run(self.interrupt, &format!("skywright {}", arguments.join(" ")), &mut self.command(arguments))
    }

    /// Whether a command succeeds, whatever it prints.
    fn succeeds(&self, arguments: &[&str]) -> Result<bool, Error> {
        let mut command = self.command(arguments);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        Ok(status.map_err(Error::io("run", &self.binary))?.success())
    }

    /// Installs the local provider from the signed repository that was just made. Another build is another
    /// repository, with another root.
    fn trust_our_plugins(&self, places: &Places) -> Result<(), Error> {
        let repository = places.repository();
        let root = repository.join("metadata/1.root.json");
        let (repository, root) = (repository.to_string_lossy(), root.to_string_lossy());
        self.succeeds(&["plugin", "remove", "skywright/local"])?;
        self.succeeds(&["repo", "remove", "ours", "--yes"])?;
        self.say_and_run(&["repo", "add", "ours", &repository, "--root", &root, "--yes"])?;
        self.say_and_run(&["plugin", "install", "skywright/local", "--yes"])
    }

    fn make_and_show(&self) -> Result<(), Error> {
        let started = Instant::now();
        self.say_and_run(&["network", "create", NETWORK, "--cidr", "192.168.77.0/24"])?;
        let create = [&["host", "create"][..], &HOSTS[..], &["--network", NETWORK]].concat();
        self.say_and_run(&create)?;
        say::note(&format!("\n{} hosts after {:.1} s", HOSTS.len() + 1, started.elapsed().as_secs_f32()));
        let line = "echo \"$(hostname): $(systemctl is-system-running), up $(ps -o etimes= 1 | tr -d ' ') s, $(hostname -I)\"";
        let ask = [&["ssh", "run", GATEWAY][..], &HOSTS[..], &["-c", line]].concat();
        self.say_and_run(&ask)?;
        self.say_and_run(&["host", "list"])
    }

    /// Takes away whatever a run made, and what a killed one left.
    fn remove(&self) -> Result<(), Error> {
        if self.succeeds(&["network", "inspect", NETWORK])? || self.has_hosts()? {
            say::note("taking away what the demonstration made");
            for host in HOSTS {
                if self.succeeds(&["host", "inspect", host])? {
                    self.quietly(&["host", "delete", host, "--force"])?;
                }
            }
            if self.succeeds(&["network", "inspect", NETWORK])? {
                self.quietly(&["network", "delete", NETWORK, "--force", "--yes"])?;
            }
        }
        Ok(())
    }

    fn has_hosts(&self) -> Result<bool, Error> {
        self.succeeds(&["host", "inspect", HOSTS[0]])
    }

    fn is_removal_wanted(&self) -> bool {
        if !std::io::stdin().is_terminal() {
            return true;
        }
        let _ = write!(std::io::stderr(), "\nTake all of it away again? [Y/n] ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_err() || !answer.trim().to_ascii_lowercase().starts_with('n')
    }

    fn where_to_go_next(&self) -> String {
        let (home, binary) = (self.home.display(), self.binary.parent().unwrap_or(&self.home).display());
        let host = HOSTS[0];
        format!(
            "\nWhere to go from here, while it runs (`cargo xtask demo --keep` leaves it running):\n\n    \
             export SKYWRIGHT_HOME={home} PATH={binary}:$PATH\n    \
             skywright ssh {host}\n    \
             skywright volume create data --size 1 && skywright volume attach data {host}\n    \
             cargo xtask demo --remove\n\n\
             docs/local.md tells of hosts on this machine, docs/commands.md of every command, docs/tenants.md of other \
             clouds."
        )
    }
}
