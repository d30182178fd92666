//! What a check works with.

use std::sync::Arc;
use std::time::Duration;

use skywright_contract::Category;
use skywright_runtime::driver::{Capabilities, DriverInfo};
use skywright_runtime::provider::{Call, Intent, KeyValue, Outcome, Provider};
use skywright_runtime::{Error, GuestError};
use tokio::sync::OnceCell;

use crate::failure::{Failure, expect, word};
use crate::fixture::Fixtures;
use crate::ledger::{Kind, Ledger};
use crate::meter::Meter;
use crate::options::{Options, Pace};
use crate::subject::{Launch, Launched, Subject};

/// No change is waited for longer. It is the sum of the pauses, so that a replay counts the same.
const LONGEST_CHANGE: Duration = Duration::from_secs(30 * 60);
const SHORTEST_POLL: Duration = Duration::from_millis(100);
/// How often something is asked that says that it may be asked again.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The tag that everything of a run has.
const RUN_TAG: &str = "cf-run";

/// What a check works with: the provider, what is known of it, and the book of what was made.
pub struct Context {
    pub(crate) subject: Arc<dyn Subject>,
    pub(crate) launched: Launched,
    pub(crate) options: Options,
    pub(crate) meter: Arc<Meter>,
    pub(crate) ledger: Ledger,
    pub(crate) fixtures: Fixtures,
    region: OnceCell<String>,
    capabilities: OnceCell<Capabilities>,
}

impl Context {
    pub(crate) fn new(
        subject: Arc<dyn Subject>,
        launched: Launched,
        options: Options,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            subject,
            launched,
            options,
            meter,
            ledger: Ledger::default(),
            fixtures: Fixtures::default(),
            region: OnceCell::new(),
            capabilities: OnceCell::new(),
        }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        &*self.launched.provider
    }

    /// What the provider says of itself.
    #[must_use]
    pub fn info(&self) -> &DriverInfo {
        &self.launched.info
    }

    /// Whether the provider has a family.
    #[must_use]
    pub fn has(&self, family: &str) -> bool {
        self.provider().families().iter().any(|own| own == family)
    }

    /// Skips the check if the provider lacks the family.
    ///
    /// # Errors
    ///
    /// [`Failure::Skip`].
    pub fn needs(&self, family: &str) -> Result<(), Failure> {
        if self.has(family) {
            return Ok(());
        }
        Err(Failure::skip(format!("the provider does not export `{family}`")))
    }

    /// The tenant's region.
    ///
    /// # Errors
    ///
    /// What `catalog.regions` failed with.
    pub async fn region(&self) -> Result<&str, Failure> {
        let region = self.region.get_or_try_init(|| async {
            if let Some(region) = &self.options.region {
                return Ok(region.clone());
            }
            let regions = self.ask("catalog.regions", |p| p.regions()).await?;
            regions.into_iter().next().ok_or_else(|| Failure::Other {
                what: "catalog.regions".to_owned(),
                expected: "one region at least".to_owned(),
                found: "none".to_owned(),
            })
        });
        Ok(region.await?)
    }

    pub(crate) fn known_region(&self) -> Option<&str> {
        self.region.get().map(String::as_str)
    }

    /// What the provider can do in the tenant's region; asked once.
    ///
    /// # Errors
    ///
    /// What `driver.capabilities-of` failed with.
    pub async fn capabilities(&self) -> Result<&Capabilities, Failure> {
        let region = self.region().await?;
        self.capabilities
            .get_or_try_init(|| self.ask("driver.capabilities-of", |p| p.capabilities_of(region)))
            .await
    }

    /// A name for something of this run.
    #[must_use]
    pub fn name(&self, label: &str) -> String {
        format!("{}-{label}", self.options.name.prefix())
    }

    /// The intent of something that is about to be made, and written down from now on.
    #[must_use]
    pub fn intent(&self, kind: Kind, label: &str) -> Intent {
        let key = self.name(label);
        self.ledger.note(kind, &key);
        Intent { key, again: false }
    }

    /// The tags of something of this run.
    #[must_use]
    pub fn tags(&self, more: &[(&str, &str)]) -> Vec<KeyValue> {
        let run = self.options.name.to_string();
        std::iter::once((RUN_TAG, run.as_str()))
            .chain(more.iter().copied())
            .map(|(key, value)| KeyValue { key: key.to_owned(), value: value.to_owned() })
            .collect()
    }

    /// Asks the provider, again where it says that this may help.
    ///
    /// # Errors
    ///
    /// [`Failure::Call`].
    pub async fn ask<'s, T>(
        &'s self,
        function: &'static str,
        call: impl Fn(&'s dyn Provider) -> Call<'s, T>,
    ) -> Result<T, Failure> {
        self.ask_of(self.provider(), function, call).await
    }

    /// [`ask`](Self::ask), of another start of the provider.
    ///
    /// # Errors
    ///
    /// [`Failure::Call`].
    pub async fn ask_of<'s, T>(
        &self,
        provider: &'s dyn Provider,
        function: &'static str,
        call: impl Fn(&'s dyn Provider) -> Call<'s, T>,
    ) -> Result<T, Failure> {
        self.attempt(provider, &[], call).await.map_err(|source| Failure::Call { function, source })
    }

    async fn attempt<'s, T>(
        &self,
        provider: &'s dyn Provider,
        wanted: &[Category],
        call: impl Fn(&'s dyn Provider) -> Call<'s, T>,
    ) -> Result<T, Error> {
        let (mut pause, mut attempt) = (FIRST_PAUSE, 1);
        loop {
            let error = match call(provider).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = error.guest().and_then(|guest| guest.retry_after);
            let again = again.filter(|_| attempt < ATTEMPTS && !wanted.contains(&error.category()));
            let Some(after) = again else { return Err(error) };
            self.pause(after.max(pause)).await;
            (pause, attempt) = (pause * 2, attempt + 1);
        }
    }

    /// Asks for a change and waits for its end; the id that it ended with.
    ///
    /// # Errors
    ///
    /// [`Failure::Call`] and [`Failure::Endless`].
    pub async fn change<'s>(
        &'s self,
        function: &'static str,
        call: impl Fn(&'s dyn Provider) -> Call<'s, Outcome>,
    ) -> Result<String, Failure> {
        let outcome = self.ask(function, call).await?;
        self.finish(function, outcome).await
    }

    /// Polls a change to its end. Each poll is a fresh instance of the plugin already.
    ///
    /// # Errors
    ///
    /// [`Failure::Call`] and [`Failure::Endless`].
    pub async fn finish(&self, function: &'static str, mut outcome: Outcome) -> Result<String, Failure> {
        let mut waited = Duration::ZERO;
        loop {
            let pending = match outcome {
                Outcome::Done(id) => return Ok(id),
                Outcome::Pending(pending) => pending,
            };
            waited += self.wait_for(function, &pending, waited).await?;
            let poll = self.attempt(self.provider(), &[], |p| p.poll(&pending.token)).await;
            outcome = poll.map_err(|source| Failure::Call { function, source })?;
        }
    }

    /// Polls a change to its end, each time by a new engine and session: the token alone carries on.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish), and [`Failure::Launch`].
    pub async fn finish_across_restarts(
        &self,
        function: &'static str,
        mut outcome: Outcome,
    ) -> Result<String, Failure> {
        let mut waited = Duration::ZERO;
        loop {
            let pending = match outcome {
                Outcome::Done(id) => return Ok(id),
                Outcome::Pending(pending) => pending,
            };
            waited += self.wait_for(function, &pending, waited).await?;
            let other = self.relaunch(Vec::new()).await?;
            let poll = self.attempt(&*other.provider, &[], |p| p.poll(&pending.token)).await;
            outcome = poll.map_err(|source| Failure::Call { function, source })?;
        }
    }

    async fn wait_for(
        &self,
        function: &'static str,
        pending: &skywright_runtime::provider::Pending,
        waited: Duration,
    ) -> Result<Duration, Failure> {
        if waited > LONGEST_CHANGE {
            let note = skywright_runtime::printable(&pending.note);
            return Err(Failure::Endless { function, waited_s: waited.as_secs(), note });
        }
        let pause = Duration::from_millis(pending.poll_after_ms.into()).max(SHORTEST_POLL);
        self.pause(pause).await;
        Ok(pause)
    }

    /// Waits, but not in a replay.
    pub async fn pause(&self, duration: Duration) {
        if self.options.pace == Pace::Live {
            tokio::time::sleep(duration).await;
        }
    }

    /// Starts the provider anew, with other settings if there are any.
    ///
    /// # Errors
    ///
    /// [`Failure::Launch`].
    pub async fn relaunch(&self, settings: Vec<(String, String)>) -> Result<Launched, Failure> {
        Ok(self.subject.launch(Launch { settings, meter: Arc::clone(&self.meter) }).await?)
    }

    /// Asks for what has to fail, and gives the error.
    ///
    /// # Errors
    ///
    /// [`Failure::NoError`] and [`Failure::OtherError`].
    pub async fn refused<'s, T>(
        &'s self,
        function: &'static str,
        categories: &[Category],
        call: impl Fn(&'s dyn Provider) -> Call<'s, T>,
    ) -> Result<GuestError, Failure> {
        let expected = || categories.iter().map(|c| word(*c)).collect::<Vec<_>>().join(" or ");
        let error = match self.attempt(self.provider(), categories, call).await {
            Ok(_) => return Err(Failure::NoError { function, expected: expected() }),
            Err(error) => error,
        };
        match error {
            Error::Guest(guest) if categories.contains(&guest.category) => Ok(*guest),
            source => Err(Failure::OtherError { function, expected: expected(), source }),
        }
    }

    /// [`refused`](Self::refused), and nothing may be sent.
    ///
    /// # Errors
    ///
    /// As [`refused`](Self::refused), and [`Failure::Other`] if a request left.
    pub async fn refused_unasked<'s, T>(
        &'s self,
        function: &'static str,
        categories: &[Category],
        call: impl Fn(&'s dyn Provider) -> Call<'s, T>,
    ) -> Result<GuestError, Failure> {
        let before = self.meter.requests();
        let error = self.refused(function, categories, call).await?;
        self.unasked(function, before)?;
        Ok(error)
    }

    /// That no request left since there were this many.
    ///
    /// # Errors
    ///
    /// [`Failure::Other`].
    pub fn unasked(&self, function: &str, before: u64) -> Result<(), Failure> {
        let sent = self.meter.requests() - before;
        expect(sent == 0, format!("requests that {function} sends"), "none", sent)
    }
}
