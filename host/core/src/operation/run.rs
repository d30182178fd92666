//! Carrying changes out, and finding those that were cut off.

use std::time::Duration;

use async_trait::async_trait;
use skywright_state::{Key, Lease, LeaseMode, LeaseRequest, StoreExt as _, Transaction};
use tokio_util::sync::CancellationToken;

use super::id::OperationId;
use super::journal::Operation;
use super::now_unix_ms;
use super::record::{OperationRecord, Phase, Sealed};
use super::view::{StepView, may_have_left};
use crate::error::Error;
use crate::resource::Plan;
use crate::tenancy::Tenancy;

/// Something that a user asks for, before anything is decided.
#[async_trait]
pub trait Change: Send + Sync {
    /// What it is, for people, such as `host create web`. No secret is in it.
    fn title(&self) -> String;

    /// Tells this change from all others: the same text for the same command with the same arguments.
    fn fingerprint(&self) -> String;

    /// What nobody else may change, or take away, while it is carried out.
    ///
    /// # Errors
    ///
    /// A name that is none.
    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error>;

    /// Whether a failure leaves what was made.
    fn keep_on_failure(&self) -> bool {
        false
    }

    /// Decides everything: which template, which image, which of the cloud's ids. Called with the leases
    /// held. It may ask the cloud, and changes nothing.
    ///
    /// # Errors
    ///
    /// Whatever speaks against it.
    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error>;
}

/// An operation that was cut off, and what came of it now.
#[derive(Debug)]
pub struct Recovery {
    /// What it was.
    pub record: OperationRecord,
    /// What it failed with, if it did.
    pub failure: Option<Error>,
}

impl Tenancy {
    /// Carries a change out. Operations that were cut off are finished first; if this very change is one
    /// of them, finishing it is all there is to do.
    ///
    /// When `stop` is triggered, what was made is taken back.
    ///
    /// # Errors
    ///
    /// Why it was not done. [`Error::Left`] tells what could not be taken back.
    pub async fn run(&self, change: &dyn Change, stop: &CancellationToken) -> Result<(), Error> {
        let fingerprint = change.fingerprint();
        for recovery in self.recover(stop).await? {
            if recovery.record.fingerprint == fingerprint && recovery.record.phase == Phase::Running {
                return recovery.failure.map_or(Ok(()), Err);
            }
        }
        let requests = change.leases(self).await?;
        let lease = self.lease(&requests, self.patience()).await?;
        let plan = change.plan(self).await?;
        let operation = self.begin(change, &plan, &requests, lease).await?;
        self.drive(operation, &plan, stop).await
    }

    /// Finishes every operation whose process has ended before it: forward, or back if it was on its way
    /// back. Then, where the tenant's hosts are on this machine, removes what a crash left there that no record
    /// knows. Both are told of.
    ///
    /// # Errors
    ///
    /// Only if the state cannot be read; what an operation failed with is in the answer.
    pub async fn recover(&self, stop: &CancellationToken) -> Result<Vec<Recovery>, Error> {
        let mut recovered = Vec::new();
        let operations = self.operations().await?;
        self.prune(&operations).await?;
        for record in operations {
            if record.phase.is_over() || record.holder.is_alive() {
                continue;
            }
            let end = if record.phase == Phase::Undoing { "taking it back" } else { "finishing it" };
            self.report().notice(&format!("`{}` was cut off; {end}", record.title));
            let failure = match record.phase {
                Phase::Undoing => self.abort(&record.id).await,
                _ => self.resume(&record.id, stop).await,
            };
            if matches!(failure, Err(Error::Over { .. })) {
                // Another process was faster.
                continue;
            }
            if let Err(error) = &failure {
                self.report().notice(&format!("`{}`: {error}", record.title));
            }
            recovered.push(Recovery { record, failure: failure.err() });
        }
        self.sweep_and_tell().await;
        Ok(recovered)
    }

    /// What a crash left on this machine does not stop a change: it is in nobody's way, and is told of.
    async fn sweep_and_tell(&self) {
        match self.sweep().await {
            Ok(done) => {
                for what in &done.removed {
                    self.report().notice(&format!("left by a crash, and removed: {what}"));
                }
                for machine in &done.finished {
                    self.report().notice(&format!("the deletion of {machine} was cut off, and is done"));
                }
            }
            Err(error) => {
                self.report().notice(&format!("what a crash left on this machine stays for now: {error}"));
            }
        }
    }

    /// Goes on with an operation that was cut off, or failed with what it had made left there.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], [`Error::Over`] if nothing is left to be done, and as [`run`](Self::run).
    pub async fn resume(&self, id: &OperationId, stop: &CancellationToken) -> Result<(), Error> {
        let operation = self.take_over(id, Phase::Running).await?;
        let plan = self.plan_of(&operation.record())?;
        self.drive(operation, &plan, stop).await
    }

    /// Takes back what an operation made that was cut off, or failed with that left there.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], [`Error::Over`], and [`Error::Left`] for what could not be taken back.
    pub async fn abort(&self, id: &OperationId) -> Result<(), Error> {
        let operation = self.take_over(id, Phase::Undoing).await?;
        let plan = self.plan_of(&operation.record())?;
        if !plan.is_reversible() {
            let OperationRecord { id, title, .. } = operation.record();
            operation.end(Phase::Failed, None, Transaction::new()).await?;
            operation.release().await?;
            return Err(Error::Irreversible { id: id.to_string(), title });
        }
        let outcome = self.take_back(&operation, &plan, None).await;
        operation.release().await?;
        outcome
    }

    /// Settles an operation that was cut off, or failed, as it is: nobody goes on with it or takes it back any
    /// more, and the names that it reserved are free. The steps whose traces may be left in the cloud, where
    /// [`compare`](Self::compare) finds them.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], [`Error::Over`] if nothing is left to be done, and [`Error::State`] while somebody
    /// carries it out.
    pub async fn forget(&self, id: &OperationId) -> Result<Vec<StepView>, Error> {
        let left = self.operation_steps(id).await?;
        let operation = self.take_over(id, Phase::Failed).await?;
        let released = operation.release_reserved().await?;
        operation.settle(released).await?;
        operation.release().await?;
        Ok(may_have_left(left))
    }

    async fn begin(
        &self,
        change: &dyn Change,
        plan: &Plan,
        requests: &[LeaseRequest],
        lease: Lease,
    ) -> Result<Operation<'_>, Error> {
        let id = OperationId::random()?;
        let json = serde_json::to_vec(plan)
            .map_err(|e| Error::Internal(format!("a plan cannot be written down: {e}")))?;
        let reserved = plan.reserve(self, &id)?;
        let record = OperationRecord {
            plan: Sealed::new(&self.seal().seal(&plan_context(&id), &json)?),
            tenant: self.name().to_owned(),
            title: change.title(),
            fingerprint: change.fingerprint(),
            phase: Phase::Running,
            keep_on_failure: change.keep_on_failure(),
            holder: self.holder().from_now(),
            started_unix_ms: now_unix_ms(),
            ended_unix_ms: None,
            leases: requests.iter().map(|r| (r.name.clone(), r.mode == LeaseMode::Shared)).collect(),
            reserved: reserved.iter().map(|(key, _)| key.clone()).collect(),
            failure: None,
            id,
        };
        let key = self.operation_key(&record.id)?;
        let mut transaction =
            Transaction::new().require_lease(&lease).require_absent(key.clone()).put_json(key, &record)?;
        for (key, value) in reserved {
            transaction = transaction.create(key, value);
        }
        let committed = self.store().commit(transaction).await?;
        Operation::open(self, lease, record, committed.version).await
    }

    /// Makes an operation that nobody carries out this process's.
    async fn take_over(&self, id: &OperationId, phase: Phase) -> Result<Operation<'_>, Error> {
        let key = self.operation_key(id)?;
        let found = self.store().get_json::<OperationRecord>(&key).await?;
        let Some(found) = found else {
            return Err(Error::NoSuch { kind: "operation", name: id.to_string(), known: Vec::new() });
        };
        let mut record = found.value;
        if record.phase.is_settled() {
            return Err(Error::Over { id: id.to_string(), phase: record.phase.name() });
        }
        let request = |(name, shared): &(Key, bool)| match shared {
            true => LeaseRequest::shared(name.clone()),
            false => LeaseRequest::exclusive(name.clone()),
        };
        let requests: Vec<_> = record.leases.iter().map(request).collect();
        let lease = self.lease(&requests, Duration::from_secs(2)).await?;
        record.phase = phase;
        record.holder = self.holder().from_now();
        let transaction = Transaction::new().require_lease(&lease).require(key.clone(), found.version);
        let committed = self.store().commit(transaction.put_json(key, &record)?).await?;
        Operation::open(self, lease, record, committed.version).await
    }

    fn plan_of(&self, record: &OperationRecord) -> Result<Plan, Error> {
        let json = self.seal().unseal(&plan_context(&record.id), &record.plan.bytes()?)?;
        serde_json::from_slice(&json).map_err(|_| Error::OldPlan { id: record.id.to_string() })
    }

    async fn drive(
        &self,
        operation: Operation<'_>,
        plan: &Plan,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let executed = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Error::Stopped),
            executed = plan.execute(&operation) => executed,
        };
        let outcome = match executed {
            Ok(then) => operation.end(Phase::Done, None, then).await,
            Err(error)
                if operation.record().keep_on_failure
                    || !plan.is_reversible()
                    || error.leaves_what_was_done() =>
            {
                operation.end(Phase::Failed, Some(&error), Transaction::new()).await?;
                Err(error)
            }
            Err(error) => self.take_back(&operation, plan, Some(error)).await,
        };
        operation.release().await?;
        outcome
    }

    /// Undoes all steps. `failure` is why; without one it was asked for.
    async fn take_back(
        &self,
        operation: &Operation<'_>,
        plan: &Plan,
        failure: Option<Error>,
    ) -> Result<(), Error> {
        operation.enter(Phase::Undoing).await?;
        self.report().notice(&format!("taking back `{}`", operation.record().title));
        plan.prepare_undo(operation).await;
        let left = plan.take_back(operation).await?;
        if left.is_empty() {
            let released = operation.release_reserved().await?;
            operation.end(Phase::Undone, failure.as_ref(), released).await?;
            return failure.map_or(Ok(()), |error| Err(Error::TakenBack(Box::new(error))));
        }
        operation.end(Phase::Failed, failure.as_ref(), Transaction::new()).await?;
        let id = operation.record().id.to_string();
        Err(Error::Left { id, left, source: failure.map(Box::new) })
    }

    async fn lease(&self, requests: &[LeaseRequest], wait: Duration) -> Result<Lease, Error> {
        Ok(Lease::acquire(self.store(), requests, self.holder(), wait).await?)
    }

    /// Every operation that is kept, the oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn operations(&self) -> Result<Vec<OperationRecord>, Error> {
        let found = self.store().list_json::<OperationRecord>(&self.operations_key()?.below()).await?;
        Ok(found.into_iter().map(|found| found.value).collect())
    }
}

fn plan_context(id: &OperationId) -> String {
    format!("plan/{id}")
}
