//! Steps on hosts: what is sent, and what comes back.
//!
//! A step is one script for the host's shell, run as root. It waits for itself where an attempt that was cut off
//! is still at it, and answers with what that came to. Values come by the environment of its process and texts by
//! its input, so that nothing of them is on a command line.

mod call;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skywright_recipe_format::plan::Outcome;
use skywright_ssh::{Client, Command, Connection, Error as SshError, KeepLimit, Settings};

pub(super) use call::{Call, Frame, Way, call, undo_call, undo_name, way_back};

use super::fault::shown;
use crate::error::Error;
use crate::tenancy::Tenancy;

/// How long a host that was lost is looked for.
const LOST_FOR: Duration = Duration::from_secs(180);

/// What is kept of an answer: 64 outputs of 64 KiB, and the end of a log.
const ANSWER: KeepLimit = KeepLimit { head_bytes: 5 << 20, tail_bytes: 16 << 10 };

/// The hosts of a run.
pub(super) struct Hosts<'t> {
    tenancy: &'t Tenancy,
    client: Client,
}

/// What a step came to on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) code: i32,
    pub(super) changed: bool,
    pub(super) outputs: BTreeMap<String, String>,
    /// The end of what it said, if it failed. Foreign text, with whatever is in it.
    pub(super) log: String,
}

impl<'t> Hosts<'t> {
    pub(super) fn new(tenancy: &'t Tenancy) -> Self {
        Self { tenancy, client: Client::new(Settings::default()) }
    }

    pub(super) async fn connect(&self, host: &str) -> Result<Connection, Error> {
        self.tenancy.connect(&self.client, host).await
    }

    /// Waits until what was dropped is ended on the other side.
    pub(super) async fn settle(&self) {
        self.client.settle().await;
    }

    /// One try of a step. A connection that is lost meanwhile is made anew, and the step is taken up where it is.
    pub(super) async fn perform(&self, host: &str, call: &Call) -> Result<Answer, Error> {
        let mut lost_since: Option<Instant> = None;
        loop {
            let error = match self.once(host, call).await {
                Err(Error::Ssh { error, inside }) if passes(&error) => Error::Ssh { error, inside },
                Err(Error::Ssh { error, .. }) if matches!(*error, SshError::Timeout { .. }) => {
                    return Ok(self.late(host, call).await);
                }
                done => return done,
            };
            if lost_since.get_or_insert_with(Instant::now).elapsed() > LOST_FOR {
                return Err(error);
            }
            tracing::info!(host, %error, "connecting anew");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn once(&self, host: &str, call: &Call) -> Result<Answer, Error> {
        let connection = self.connect(host).await?;
        let finished = connection.run(call.command().keep(ANSWER)).await?;
        let (stdout, stderr) = (finished.output.stdout.to_text(), finished.output.stderr.to_text());
        parse(&stdout, stderr).ok_or_else(|| {
            let reason = format!("it does not answer ({}): {}", finished.status, shown(&stdout));
            super::Fault::Facts { host: host.to_owned(), reason }.into()
        })
    }

    /// It took too long, and was ended; what it said until then is on the host.
    async fn late(&self, host: &str, call: &Call) -> Answer {
        let line = format!("tail -c 4096 '/run/skywright-features/{}/{}/log'", call.run(), call.step());
        let command = Command::arguments(["sh", "-c", &line]).sudo().timeout(Duration::from_secs(20));
        let said =
            async { Ok::<_, Error>(self.connect(host).await?.run(command).await?.output.stdout.to_text()) };
        let said = said.await.unwrap_or_default();
        let limit = call.limit().as_secs();
        let log = format!("{said}\nit took more than {limit} s, and was ended");
        Answer { outcome: Outcome::Failed, code: 124, changed: true, outputs: BTreeMap::new(), log }
    }

    /// Takes what a run kept off its hosts.
    pub(super) async fn forget(&self, host: &str, run: &str) -> Result<(), Error> {
        let line = format!(
            "rm -rf '/run/skywright-features/{run}' '/var/lib/skywright/features/{run}'; \
             rm -f /run/skywright-features/packages.lock; \
             rmdir /run/skywright-features /var/lib/skywright/features 2>/dev/null; :"
        );
        let command = Command::arguments(["sh", "-c", &line]).sudo().timeout(Duration::from_secs(60));
        self.connect(host).await?.run(command).await?;
        Ok(())
    }

    /// Tells this start of a host from any other.
    pub(super) async fn start_of(&self, host: &str) -> Result<String, Error> {
        // Containers share the machine's boot id; their first process has a start of its own.
        let line = "cat /proc/sys/kernel/random/boot_id; cut -d ' ' -f 22 /proc/1/stat";
        let command = Command::arguments(["sh", "-c", line]).timeout(Duration::from_secs(20));
        Ok(self.connect(host).await?.run(command).await?.output.stdout.to_text())
    }

    /// Restarts a host that has not been since `before`, and waits until it is back.
    pub(super) async fn reboot(&self, host: &str, before: &str, limit: Duration) -> Result<Answer, Error> {
        let started = Instant::now();
        let answer = |code, log: &str| {
            let outcome = if code == 0 { Outcome::Succeeded } else { Outcome::Failed };
            Answer { outcome, code, changed: true, outputs: BTreeMap::new(), log: log.to_owned() }
        };
        if self.start_of(host).await? == before {
            let line = "setsid sh -c 'sleep 1; systemctl reboot' >/dev/null 2>&1 </dev/null &";
            let command = Command::arguments(["sh", "-c", line]).sudo().timeout(Duration::from_secs(20));
            match self.connect(host).await?.run(command).await {
                Ok(_) => {}
                Err(error) if error.is_unreachable() || matches!(error, SshError::Lost { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.client.disconnect();
            if let Ok(Ok(now)) = tokio::time::timeout(Duration::from_secs(20), self.start_of(host)).await
                && now != before
                && !now.trim().is_empty()
            {
                return Ok(answer(0, ""));
            }
            if started.elapsed() > limit {
                return Ok(answer(124, "it did not come back in time"));
            }
        }
    }
}

/// Whether it may be otherwise in a moment.
fn passes(error: &SshError) -> bool {
    error.is_unreachable() || matches!(error, SshError::Lost { .. })
}

/// The first line says how it ended; the rest is outputs.
fn parse(stdout: &str, log: String) -> Option<Answer> {
    let (first, rest) = stdout.split_once('\n')?;
    let mut words = first.split(' ');
    if words.next() != Some("skywright") {
        return None;
    }
    let outcome = words.next()?;
    let code: i32 = words.next()?.parse().ok()?;
    let changed = words.next()? == "yes";
    let outcome = match (outcome, code) {
        ("skipped", 0) => Outcome::Skipped,
        (_, 0) => Outcome::Succeeded,
        _ => Outcome::Failed,
    };
    let pairs = rest.lines().filter_map(|line| line.split_once('='));
    let outputs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Answer { outcome, code, changed: changed && outcome != Outcome::Skipped, outputs, log })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_it_ended() {
        let answer = parse("skywright succeeded 0 yes\ntoken=a=b\nchanged=no\n", String::new()).unwrap();
        assert_eq!((answer.outcome, answer.changed), (Outcome::Succeeded, true));
        assert_eq!(answer.outputs["token"], "a=b");
        assert_eq!(parse("skywright skipped 0 no\n", String::new()).unwrap().outcome, Outcome::Skipped);
        assert_eq!(parse("skywright succeeded 3 yes\n", "no".into()).unwrap().outcome, Outcome::Failed);
        assert!(parse("motd\nskywright succeeded 0 yes\n", String::new()).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "(skywright )?[a-z0-9 \n=-]{0,60}") {
            let _ = parse(&text, String::new());
        }
    }
}
