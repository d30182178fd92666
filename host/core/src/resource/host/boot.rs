//! A host's first boot, as its console shows it.

use std::time::{Duration, Instant};

use skywright_bootstrap::host_keys_from_console;
use skywright_contract::Category;
use skywright_runtime::printable;
use skywright_runtime::provider::hosts::State;

use crate::error::Error;
use crate::operation::Operation;
use crate::report::Step;

/// A first boot that installs nothing takes seconds on a machine of one's own, minutes on a busy cloud.
const LONGEST: Duration = Duration::from_secs(15 * 60);

const PAUSE: Duration = Duration::from_millis(500);

/// How many pauses go by between looks at the host itself: clouds allow few requests.
const PAUSES_PER_LOOK: u32 = 6;

/// The bootstrap's last words come last, and some services say a lot.
const LINES: u32 = 500;

/// What the console shows.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    /// Nothing of the bootstrap yet, or how far it is.
    OnItsWay(Option<String>),
    Done(Vec<String>),
    Failed(String),
}

/// Waits until the bootstrap is done, and gives the host's public SSH keys. None where the cloud
/// shows no console: then nobody can tell from outside.
///
/// # Errors
///
/// [`Error::FirstBoot`] with the line that failed, [`Error::TooLong`], and what the cloud said.
pub(super) async fn watch(operation: &Operation<'_>, name: &str, id: &str) -> Result<Vec<String>, Error> {
    let tenancy = operation.tenancy();
    let title = format!("first boot of {name}");
    let start = Instant::now();
    let mut power = Power::default();
    loop {
        let console = match tenancy.cloud().ask(|p| p.host_console(id, LINES)).await {
            Ok(console) => console,
            Err(error) if shows_none(&error) => {
                tenancy.report().notice(&format!("the cloud shows no console: nobody watches the {title}"));
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        match read(&console)? {
            Shown::Done(keys) => {
                tenancy.report().step(&Step::new(&title, "done"));
                return Ok(keys);
            }
            Shown::Failed(why) => return Err(Error::FirstBoot { host: name.to_owned(), why }),
            Shown::OnItsWay(note) => {
                tenancy.report().step(&Step::new(&title, note.as_deref().unwrap_or("starting")));
            }
        }
        if start.elapsed() > LONGEST {
            return Err(Error::TooLong { what: title, limit: LONGEST });
        }
        power.see_to(operation, name, id).await?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether a host that is watched still runs. The bootstrap goes on where it was cut off, so that one that was
/// switched off is switched on again, once: one that does it again has a reason.
#[derive(Default)]
struct Power {
    looks: u32,
    restarted: bool,
}

impl Power {
    /// Looks every few times that it is asked.
    async fn see_to(&mut self, operation: &Operation<'_>, name: &str, id: &str) -> Result<(), Error> {
        self.looks += 1;
        if !self.looks.is_multiple_of(PAUSES_PER_LOOK) {
            return Ok(());
        }
        let tenancy = operation.tenancy();
        if tenancy.cloud().ask(|p| p.get_host(id)).await?.state != State::Stopped {
            return Ok(());
        }
        if self.restarted {
            let why = "it was switched off twice".to_owned();
            return Err(Error::FirstBoot { host: name.to_owned(), why });
        }
        self.restarted = true;
        tenancy
            .report()
            .notice(&format!("`{name}` was switched off in its first boot, and is started again"));
        let started = tenancy.cloud().ask(|p| p.start_host(id)).await?;
        tenancy.cloud().finish(started, async |_| Ok(())).await.map(drop)
    }
}

/// The provider has no such function, or the cloud no consoles.
fn shows_none(error: &Error) -> bool {
    matches!(error, Error::Runtime(skywright_runtime::Error::NoFunction { .. }))
        || error.category() == Category::Unsupported
}

fn read(console: &str) -> Result<Shown, Error> {
    let said = console.lines().rev().find_map(|line| line.trim_end().strip_prefix("skywright: "));
    let Some(said) = said else { return Ok(Shown::OnItsWay(None)) };
    if said.starts_with("failed in line ") {
        return Ok(Shown::Failed(printable(said)));
    }
    if said != "bootstrap done" {
        return Ok(Shown::OnItsWay(Some(printable(said))));
    }
    let keys = host_keys_from_console(console).map_err(|error| Error::FirstBoot {
        host: "it".to_owned(),
        why: format!("its host keys cannot be known: {error}"),
    })?;
    let keys = keys.unwrap_or_default();
    Ok(Shown::Done(keys.into_iter().map(|key| key.to_string()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "\n-----BEGIN SKYWRIGHT HOST KEYS 1-----\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4FyJ7ErUnDJ2dcRBSVPYbk1pLkkGVYHhcZlGwMdwzY\n-----END SKYWRIGHT HOST KEYS-----\n";

    #[test]
    fn the_last_words_count() {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4FyJ7ErUnDJ2dcRBSVPYbk1pLkkGVYHhcZlGwMdwzY".to_owned();
        for (console, shown) in [
            ("", Shown::OnItsWay(None)),
            ("[  OK  ] Started\n", Shown::OnItsWay(None)),
            (
                "skywright: bootstrap of web as plain\r\n",
                Shown::OnItsWay(Some("bootstrap of web as plain".into())),
            ),
            (
                "skywright: failed in line 7: sshd -t: no\n",
                Shown::Failed("failed in line 7: sshd -t: no".into()),
            ),
            (&format!("x\n{KEYS}skywright: bootstrap done\nlogin: "), Shown::Done(vec![key])),
            ("skywright: bootstrap done\n", Shown::Done(Vec::new())),
            // It failed, and was run again.
            ("skywright: failed in line 7: x\nskywright: bootstrap done\n", Shown::Done(Vec::new())),
        ] {
            assert_eq!(read(console).unwrap(), shown, "{console}");
        }
    }

    #[test]
    fn what_is_shown_is_printable() {
        let Shown::Failed(why) = read("skywright: failed in line 1: \u{1b}[2Jx").unwrap() else { panic!() };
        assert!(!why.contains('\u{1b}'), "{why}");
    }
}
