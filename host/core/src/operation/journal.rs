//! An operation in progress, and the journal of its steps.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use skywright_contract::Category;
use skywright_runtime::provider::{Intent, Outcome};
use skywright_state::{Lease, StoreExt as _, Transaction, Version};
use zeroize::Zeroizing;

use super::now_unix_ms;
use super::record::{Failure, OperationRecord, Phase, Sealed, StepRecord, StepStatus};
use super::request::Request;
use crate::error::Error;
use crate::report::Step;
use crate::tenancy::Tenancy;

/// How many steps of one kind are taken back at once.
const UNDO_WINDOW: usize = 8;

/// An operation that this process carries out. Its steps may run at once.
pub struct Operation<'t> {
    tenancy: &'t Tenancy,
    lease: Lease,
    record: Mutex<(OperationRecord, Version)>,
    steps: Mutex<BTreeMap<String, StepRecord>>,
}

impl<'t> Operation<'t> {
    /// Opens the journal of an operation that this process has taken.
    pub(super) async fn open(
        tenancy: &'t Tenancy,
        lease: Lease,
        record: OperationRecord,
        version: Version,
    ) -> Result<Self, Error> {
        let steps = tenancy.store().list_json::<StepRecord>(&tenancy.steps_of(&record.id)?.below()).await?;
        let steps = steps.into_iter().map(|found| (found.value.name.clone(), found.value)).collect();
        Ok(Self { tenancy, lease, record: Mutex::new((record, version)), steps: Mutex::new(steps) })
    }

    /// Whose it is.
    #[must_use]
    pub fn tenancy(&self) -> &'t Tenancy {
        self.tenancy
    }

    /// What is kept of it.
    #[must_use]
    pub fn record(&self) -> OperationRecord {
        self.lock_record().0.clone()
    }

    /// Takes a step, or gives what it gave before: the cloud's id of what was made, if anything was.
    ///
    /// `name` is the step's own in every attempt; `title` is for people.
    ///
    /// # Errors
    ///
    /// What the cloud said, or what the state could not keep.
    pub async fn step(&self, name: &str, title: &str, request: Request) -> Result<String, Error> {
        self.step_then(name, title, request, |transaction, _| Ok(transaction)).await
    }

    /// [`step`](Self::step), with changes of the state that are made in the same moment as it is done.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub async fn step_then(
        &self,
        name: &str,
        title: &str,
        request: Request,
        then: impl FnOnce(Transaction, &str) -> Result<Transaction, Error>,
    ) -> Result<String, Error> {
        let known = self.known(name);
        if let Some(StepStatus::Done { id }) = known.as_ref().map(|step| &step.status) {
            return Ok(id.clone());
        }
        self.tenancy.report().step(&Step::new(title, "asking"));
        let asked = self.carry_out(name, title, &request, known).await;
        let mut step = self.required(name)?;
        match asked {
            Ok(id) => {
                step.status = StepStatus::Done { id: id.clone() };
                self.save_step(step, |transaction| then(transaction, &id)).await?;
                self.tenancy.report().step(&Step::new(title, "done"));
                Ok(id)
            }
            Err(error) => {
                step.status = StepStatus::Failed { message: error.to_string() };
                self.save_step(step, Ok).await?;
                Err(error)
            }
        }
    }

    /// Asks for what was not asked, asks again for what nobody heard of, polls what is under way.
    async fn carry_out(
        &self,
        name: &str,
        title: &str,
        request: &Request,
        known: Option<StepRecord>,
    ) -> Result<String, Error> {
        let cloud = self.tenancy.cloud();
        let again = known.is_some();
        let step = match known {
            Some(step) => step,
            None => self.write_down(name, request).await?,
        };
        let polled = match &step.status {
            StepStatus::Pending { token, .. } => match cloud.poll(token).await {
                // The plugin that made the token is not the one that is there now: ask anew.
                Err(error) if error.code() == "unknown-token" => None,
                other => Some(other?),
            },
            _ => None,
        };
        let outcome = match polled {
            Some(outcome) => outcome,
            None => {
                if again {
                    settle(&step, cloud.settling()).await;
                }
                let intent = Intent { key: step.intent.clone(), again };
                request.ask(cloud, &intent).await?
            }
        };
        self.wait(name, title, outcome).await
    }

    async fn wait(&self, name: &str, title: &str, outcome: Outcome) -> Result<String, Error> {
        let keep = |pending: skywright_runtime::provider::Pending| async move {
            self.tenancy.report().step(&Step::new(title, &pending.note));
            let mut step = self.required(name)?;
            step.status = StepStatus::Pending { token: pending.token, note: pending.note };
            self.save_step(step, Ok).await
        };
        self.tenancy.cloud().finish(outcome, keep).await
    }

    async fn write_down(&self, name: &str, request: &Request) -> Result<StepRecord, Error> {
        let json = serde_json::to_vec(request)
            .map_err(|e| Error::Internal(format!("a request cannot be written down: {e}")))?;
        self.add_step(name, &json, StepStatus::Asked).await
    }

    /// A value that is made once and is the same in every attempt, such as a key. It is sealed in the state and
    /// goes with the operation.
    ///
    /// # Errors
    ///
    /// What `make` failed with, or what the state could not keep.
    pub async fn keep(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Zeroizing<String>, Error>,
    ) -> Result<Zeroizing<String>, Error> {
        let step = match self.known(name) {
            Some(step) => step,
            None => self.add_step(name, make()?.as_bytes(), StepStatus::Kept).await?,
        };
        let bytes = self.unsealed(&step)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Error::Internal("a kept value is not text".to_owned()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Whether a value of this name is kept: whether what it is for may have begun.
    pub(crate) fn has_kept(&self, name: &str) -> bool {
        self.known(name).is_some()
    }

    /// A value that [`keep`](Self::keep) was told before, if it was.
    ///
    /// # Errors
    ///
    /// If the state holds what cannot be unsealed.
    pub(crate) fn kept(&self, name: &str) -> Result<Option<Zeroizing<String>>, Error> {
        let Some(step) = self.known(name) else { return Ok(None) };
        let bytes = self.unsealed(&step)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Error::Internal("a kept value is not text".to_owned()))?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    /// The names of all kept values, the first kept first.
    pub(crate) fn kept_names(&self) -> Vec<String> {
        let steps = self.lock_steps();
        let mut kept: Vec<_> =
            steps.values().filter(|step| matches!(step.status, StepStatus::Kept)).collect();
        kept.sort_by_key(|step| step.index);
        kept.into_iter().map(|step| step.name.clone()).collect()
    }

    async fn add_step(&self, name: &str, content: &[u8], status: StepStatus) -> Result<StepRecord, Error> {
        let operation = self.record().id;
        let sealed = self.tenancy.seal().seal(&context(operation.as_str(), name), content)?;
        let step = {
            let mut steps = self.lock_steps();
            let index = u32::try_from(steps.len()).unwrap_or(u32::MAX);
            let step = StepRecord {
                name: name.to_owned(),
                index,
                intent: self.tenancy.home_id().intent(&operation, index),
                asked_unix_ms: now_unix_ms(),
                content: Sealed::new(&sealed),
                status,
            };
            // The place is taken before it is written, so that steps that run at once get one each.
            steps.insert(name.to_owned(), step.clone());
            step
        };
        self.save_step(step.clone(), Ok).await?;
        Ok(step)
    }

    fn unsealed(&self, step: &StepRecord) -> Result<Zeroizing<Vec<u8>>, Error> {
        let context = context(self.record().id.as_str(), &step.name);
        Ok(self.tenancy.seal().unseal(&context, &step.content.bytes()?)?)
    }

    async fn save_step(
        &self,
        step: StepRecord,
        then: impl FnOnce(Transaction) -> Result<Transaction, Error>,
    ) -> Result<(), Error> {
        let key = self.tenancy.steps_of(&self.record().id)?.child(&key_segment(&step.name))?;
        let transaction = Transaction::new().require_lease(&self.lease).put_json(key, &step)?;
        self.tenancy.store().commit(then(transaction)?).await?;
        self.lock_steps().insert(step.name.clone(), step);
        Ok(())
    }

    /// Ends it: these changes and the end are one.
    pub(super) async fn end(
        &self,
        phase: Phase,
        failure: Option<&Error>,
        then: Transaction,
    ) -> Result<(), Error> {
        self.save_record(then, |record| {
            record.phase = phase;
            record.ended_unix_ms = Some(now_unix_ms());
            record.failure = failure.map(Failure::from);
        })
        .await?;
        if phase == Phase::Failed { Ok(()) } else { self.tenancy.drop_steps(&self.record().id).await }
    }

    /// Ends it for its user, who knows what it failed with; that stays told.
    pub(super) async fn settle(&self, then: Transaction) -> Result<(), Error> {
        self.save_record(then, |record| {
            record.phase = Phase::Forgotten;
            record.ended_unix_ms = Some(now_unix_ms());
        })
        .await?;
        self.tenancy.drop_steps(&self.record().id).await
    }

    pub(super) async fn enter(&self, phase: Phase) -> Result<(), Error> {
        self.save_record(Transaction::new(), |record| record.phase = phase).await
    }

    async fn save_record(
        &self,
        transaction: Transaction,
        change: impl FnOnce(&mut OperationRecord),
    ) -> Result<(), Error> {
        let (mut record, version) = self.lock_record().clone();
        change(&mut record);
        let key = self.tenancy.operation_key(&record.id)?;
        let transaction = transaction.require_lease(&self.lease).require(key.clone(), version);
        let committed = self.tenancy.store().commit(transaction.put_json(key, &record)?).await?;
        *self.lock_record() = (record, committed.version);
        Ok(())
    }

    /// Takes back every step, the last one first, as far as that goes. The titles of what is left.
    pub(crate) async fn undo(&self) -> Result<Vec<String>, Error> {
        let mut steps: Vec<_> = self.lock_steps().values().cloned().collect();
        steps.sort_by_key(|step| std::cmp::Reverse(step.index));
        steps.retain(|step| !matches!(step.status, StepStatus::Undone | StepStatus::Kept));
        let mut asked = Vec::new();
        for step in steps {
            let content = self.unsealed(&step)?;
            let request: Request = serde_json::from_slice(&content)
                .map_err(|e| Error::Internal(format!("the step `{}` cannot be read: {e}", step.name)))?;
            asked.push((step, request));
        }
        let mut left = Vec::new();
        for group in asked.chunk_by(|a, b| std::mem::discriminant(&a.1) == std::mem::discriminant(&b.1)) {
            let undone = futures_util::stream::iter(group)
                .map(|(step, request)| async move {
                    self.undo_step(step, request).await.err().map(|error| format!("{}: {error}", step.name))
                })
                .buffer_unordered(UNDO_WINDOW);
            left.extend(undone.collect::<Vec<_>>().await.into_iter().flatten());
        }
        Ok(left)
    }

    async fn undo_step(&self, step: &StepRecord, request: &Request) -> Result<(), Error> {
        let cloud = self.tenancy.cloud();
        let id = match &step.status {
            StepStatus::Done { id } => Some(id.as_str()),
            _ => {
                settle(step, cloud.settling()).await;
                None
            }
        };
        let title = format!("take back {}", step.name);
        self.tenancy.report().step(&Step::new(&title, "asking"));
        let outcome = match request.undo(cloud, &step.intent, id).await {
            Err(error) if error.category() == Category::Unsupported && !request.makes() => {
                Outcome::Done(String::new())
            }
            other => other?,
        };
        cloud.finish(outcome, |_| async { Ok(()) }).await?;
        self.tenancy.report().step(&Step::new(&title, "done"));
        self.save_step(StepRecord { status: StepStatus::Undone, ..step.clone() }, Ok).await
    }

    /// The records that it reserved and that are still its own.
    pub(super) async fn release_reserved(&self) -> Result<Transaction, Error> {
        let record = self.record();
        let mut transaction = Transaction::new();
        for key in &record.reserved {
            let found = self.tenancy.store().get_json::<crate::resource::Owned>(key).await?;
            let Some(found) = found else { continue };
            if found.value.operation.as_ref() == Some(&record.id) {
                transaction = transaction.require(key.clone(), found.version).delete(key.clone());
            }
        }
        Ok(transaction)
    }

    /// Gives its leases back.
    pub(super) async fn release(self) -> Result<(), Error> {
        Ok(self.lease.release().await?)
    }

    /// Runs many at once, as many as the cloud bears, and gives the first failure when all have ended.
    ///
    /// # Errors
    ///
    /// The first that one of them failed with.
    pub async fn together<T, F>(&self, what: impl IntoIterator<Item = F>) -> Result<Vec<T>, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut what = what.into_iter().peekable();
        if what.peek().is_none() {
            // How much the cloud bears need not be asked where nothing is asked of it.
            return Ok(Vec::new());
        }
        let window = self.tenancy.parallelism().await?;
        let results: Vec<_> = futures_util::stream::iter(what).buffered(window).collect().await;
        results.into_iter().collect()
    }

    /// A state transaction that holds only while the operation is this process's.
    pub fn transaction(&self) -> Transaction {
        Transaction::new().require_lease(&self.lease)
    }

    fn known(&self, name: &str) -> Option<StepRecord> {
        self.lock_steps().get(name).cloned()
    }

    fn required(&self, name: &str) -> Result<StepRecord, Error> {
        self.known(name).ok_or_else(|| Error::Internal(format!("the step `{name}` was not written down")))
    }

    fn lock_record(&self) -> std::sync::MutexGuard<'_, (OperationRecord, Version)> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_steps(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, StepRecord>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step's name as one segment of a key. Names of subnets and ids of clouds have `/` in them.
fn key_segment(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}

/// What a sealed step is bound to.
fn context(operation: &str, step: &str) -> String {
    format!("step/{operation}/{step}")
}

/// Waits until a request that somebody was cut off from has had its time.
async fn settle(step: &StepRecord, settling: Duration) {
    let since = Duration::from_millis(now_unix_ms().saturating_sub(step.asked_unix_ms));
    if let Some(left) = settling.checked_sub(since) {
        tokio::time::sleep(left).await;
    }
}
