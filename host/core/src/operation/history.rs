//! How long operations are kept that are settled.

use super::id::OperationId;
use super::now_unix_ms;
use super::record::OperationRecord;
use crate::error::Error;
use crate::tenancy::Tenancy;
use skywright_state::Transaction;

/// They are kept for so long, in milliseconds: 90 days.
const KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// So many are kept, the newest ones.
const MOST_KEPT: usize = 1000;

/// How many one command drops, so that none is held up by a long history. The next one drops more.
const DROPPED_AT_ONCE: usize = 100;

impl Tenancy {
    /// Drops settled operations that are old, or of which there are many. What is not settled stays for ever.
    ///
    /// # Errors
    ///
    /// If the state cannot be written.
    pub(super) async fn prune(&self, operations: &[OperationRecord]) -> Result<(), Error> {
        let mut doomed = prunable(operations, now_unix_ms());
        doomed.truncate(DROPPED_AT_ONCE);
        if doomed.is_empty() {
            return Ok(());
        }
        let mut transaction = Transaction::new();
        for id in doomed {
            // Who was killed between its end and this left them.
            self.drop_steps(&id).await?;
            transaction = transaction.delete(self.operation_key(&id)?);
        }
        self.store().commit(transaction).await?;
        Ok(())
    }
}

/// Those that are dropped, the oldest first.
fn prunable(operations: &[OperationRecord], now_unix_ms: u64) -> Vec<OperationId> {
    let mut settled: Vec<_> = operations
        .iter()
        .filter(|record| record.phase.is_settled())
        .map(|record| (record.ended_unix_ms.unwrap_or(record.started_unix_ms), &record.id))
        .collect();
    settled.sort();
    let too_many = settled.len().saturating_sub(MOST_KEPT);
    let is_old = |ended: u64| now_unix_ms.saturating_sub(ended) > KEPT_MS;
    let doomed = settled.iter().enumerate().filter(|(index, (ended, _))| *index < too_many || is_old(*ended));
    doomed.map(|(_, (_, id))| (*id).clone()).collect()
}

#[cfg(test)]
mod tests {
    use skywright_state::Holder;

    use super::*;
    use crate::operation::{Phase, Sealed};

    const NOW: u64 = KEPT_MS * 10;

    fn operation(phase: Phase, ended_unix_ms: u64) -> OperationRecord {
        OperationRecord {
            id: OperationId::random().unwrap(),
            tenant: "lab".to_owned(),
            title: "host create web".to_owned(),
            fingerprint: String::new(),
            plan: Sealed::new(b""),
            phase,
            keep_on_failure: false,
            holder: Holder::current("test").unwrap(),
            started_unix_ms: 0,
            ended_unix_ms: Some(ended_unix_ms),
            leases: Vec::new(),
            reserved: Vec::new(),
            failure: None,
        }
    }

    #[test]
    fn what_is_old_and_settled_goes() {
        let old = NOW - KEPT_MS - 1;
        let all = [
            operation(Phase::Done, old),
            operation(Phase::Failed, old),
            operation(Phase::Running, old),
            operation(Phase::Undoing, old),
            operation(Phase::Forgotten, old - 1),
            operation(Phase::Done, old + 1),
        ];
        assert_eq!(prunable(&all, NOW), [all[4].id.clone(), all[0].id.clone()]);
    }

    #[test]
    fn of_many_the_newest_stay() {
        let many = MOST_KEPT as u64 + 2;
        let mut all: Vec<_> = (0..many).map(|n| operation(Phase::Done, NOW - many + n)).collect();
        all.extend((0..5).map(|_| operation(Phase::Failed, 1)));
        assert_eq!(prunable(&all, NOW), [all[0].id.clone(), all[1].id.clone()]);
    }
}
