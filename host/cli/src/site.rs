//! Where a command works: the tenant that the command line means, open, with somebody told of progress.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use skywright_core::operation::{Change, OperationRecord};
use skywright_core::{Home, OpenOptions, Report as _, Tenancy, resolve_tenant};
use tokio_util::sync::CancellationToken;

use crate::args::{Sandbox, Scope};
use crate::error::Error;
use crate::output::Printer;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::{plugin, question, tenant};

/// The commands of a noun that is in a cloud, and the options that they share.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct On<C: Subcommand> {
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    #[command(subcommand)]
    pub(crate) command: C,
}

/// The options of every command that opens a tenant.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct SiteArgs {
    /// How long to wait for what another process is changing.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60, env = "SKYWRIGHT_WAIT")]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

/// The word that goes ahead without a question.
#[derive(Debug, Args)]
pub(crate) struct Yes {
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "assume-yes")]
    pub(crate) yes: bool,
}

/// Where a command works.
pub(crate) struct Site<'a> {
    pub(crate) printer: &'a Printer,
    scope: &'a Scope,
    args: &'a SiteArgs,
    progress: Arc<Progress>,
}

impl SiteArgs {
    /// The place that they mean.
    pub(crate) fn at<'a>(&'a self, scope: &'a Scope, printer: &'a Printer) -> Site<'a> {
        Site { printer, scope, args: self, progress: Arc::new(Progress::new(printer.is_quiet())) }
    }
}

impl Site<'_> {
    /// The tenant, to change something in it.
    ///
    /// # Errors
    ///
    /// As [`resolve_tenant`] and [`skywright_core::Host::open`].
    pub(crate) async fn open(&self) -> Result<Tenancy, Error> {
        let home = Home::from_env()?;
        let choice = resolve_tenant(&home, &tenant::request(self.scope))?;
        let host = plugin::host(&self.args.sandbox, false)?;
        let options = OpenOptions {
            command: command_text(std::env::args().skip(1)),
            patience: Duration::from_secs(self.args.wait),
            report: self.progress.clone(),
            recorder: None,
        };
        Ok(host.open(&home, &choice, options).await?)
    }

    /// The tenant, to look at it. Operations that were cut off are mentioned: what is looked at may be half
    /// of something.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) async fn look(&self) -> Result<Tenancy, Error> {
        let tenancy = self.open().await?;
        let cut_off = tenancy.operations().await?.iter().filter(|record| is_cut_off(record)).count();
        match cut_off {
            0 => {}
            1 => self.progress.notice("1 operation was cut off: skywright operation list"),
            more => {
                self.progress.notice(&format!("{more} operations were cut off: skywright operation list"))
            }
        }
        Ok(tenancy)
    }

    /// Carries a change out; Ctrl-C takes it back.
    ///
    /// # Errors
    ///
    /// As [`Tenancy::run`].
    pub(crate) async fn run(&self, tenancy: &Tenancy, change: &dyn Change) -> Result<(), Error> {
        self.stoppable(async |stop| Ok(tenancy.run(change, stop).await?)).await
    }

    /// Any work that Ctrl-C takes back.
    ///
    /// # Errors
    ///
    /// What the work failed with.
    pub(crate) async fn stoppable<T>(
        &self,
        work: impl AsyncFnOnce(&CancellationToken) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let stop = Stop::listen(self.progress.clone())?;
        let outcome = work(stop.token()).await;
        self.progress.clear();
        outcome
    }

    /// How plugins are found and run.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.args.sandbox
    }

    /// Who is told of progress.
    pub(crate) fn report(&self) -> &dyn skywright_core::Report {
        &*self.progress
    }

    /// Takes progress off the screen.
    pub(crate) fn clear(&self) {
        self.progress.clear();
    }

    /// Asks before something is destroyed.
    ///
    /// # Errors
    ///
    /// [`Error::Declined`], and [`Error::Unasked`] if nobody is there to answer.
    pub(crate) fn confirm(&self, question: &str, yes: &Yes) -> Result<(), Error> {
        question::confirm(question, yes.yes)
    }
}

/// Whether nobody carries an operation out that is not over.
pub(crate) fn is_cut_off(record: &OperationRecord) -> bool {
    !record.phase.is_over() && !record.holder.is_alive()
}

/// The options whose values may be secret, or hold one.
const SECRET_OPTIONS: [&str; 4] = ["--secret", "--proxy", "--param", "-p"];

/// The command line as others may see it.
fn command_text(words: impl Iterator<Item = String>) -> String {
    let mut shown = vec!["skywright".to_owned()];
    let mut hidden = false;
    for word in words {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        let is_secret = SECRET_OPTIONS.contains(&name) || (word.starts_with("-p") && !word.starts_with("--"));
        match (std::mem::take(&mut hidden), is_secret) {
            (true, _) => shown.push("…".to_owned()),
            (false, true) if SECRET_OPTIONS.contains(&word.as_str()) => {
                hidden = true;
                shown.push(word);
            }
            (false, true) if word.starts_with("--") => shown.push(format!("{name}=…")),
            (false, true) => shown.push("-p…".to_owned()),
            (false, false) => shown.push(word),
        }
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::command_text;

    fn shown(words: &[&str]) -> String {
        command_text(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn others_see_what_is_run_and_no_secret() {
        assert_eq!(shown(&["host", "create", "web", "-S", "cpu=2"]), "skywright host create web -S cpu=2");
        for words in [
            &["x", "--secret", "password=hunter2", "y"][..],
            &["x", "--secret=password=hunter2", "y"],
            &["x", "-p", "hunter2", "y"],
            &["x", "-phunter2", "y"],
            &["x", "-p=hunter2", "y"],
            &["x", "--param=a=hunter2", "y"],
            &["x", "--proxy", "http://me:hunter2@proxy", "y"],
        ] {
            let text = shown(words);
            assert!(!text.contains("hunter2") && text.contains('…') && text.ends_with(" y"), "{text}");
        }
    }
}
