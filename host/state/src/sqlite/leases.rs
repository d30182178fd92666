//! Leases, as rows: one for each name that a lease holds.

use std::time::Duration;

use rusqlite::types::Type;

use super::Failure;
use crate::error::Error;
use crate::holder::{Holder, Liveness, now_unix_ms};
use crate::key::Key;
use crate::lease::{LeaseClaim, LeaseId, LeaseMode};

const DELETE: &str = "DELETE FROM lease WHERE id = ?1";

/// What somebody holds.
struct Held {
    id: String,
    exclusive: bool,
    holder: Holder,
    expires_unix_ms: i64,
}

impl Held {
    /// Whether nobody is behind it any more. Who can be seen is believed, and no clock.
    fn is_abandoned(&self, now_unix_ms: i64) -> bool {
        match self.holder.liveness() {
            Liveness::Alive => false,
            Liveness::Dead => true,
            Liveness::Elsewhere => self.expires_unix_ms <= now_unix_ms,
        }
    }
}

pub(super) fn take(engine: &rusqlite::Transaction<'_>, claim: &LeaseClaim) -> Result<(), Failure> {
    let now = now();
    for request in &claim.requests {
        for held in holders_of(engine, &request.name)? {
            if held.is_abandoned(now) {
                engine.execute(DELETE, [&held.id])?;
            } else if held.exclusive || request.mode == LeaseMode::Exclusive {
                let (name, holder) = (request.name.clone(), Box::new(held.holder));
                return Err(Failure::Refused(Error::Held { name, holder }));
            }
        }
    }
    forget_abandoned(engine, now)?;
    let holder = serde_json::to_string(&claim.holder)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let expires = after(now, claim.time_to_live);
    let mut insert = engine.prepare("INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for request in &claim.requests {
        let exclusive = request.mode == LeaseMode::Exclusive;
        insert.execute((request.name.as_str(), claim.id.as_str(), exclusive, &holder, expires))?;
    }
    Ok(())
}

pub(super) fn renew(
    engine: &rusqlite::Transaction<'_>,
    id: &LeaseId,
    time_to_live: Duration,
) -> Result<bool, Failure> {
    let update = "UPDATE lease SET expires_unix_ms = ?2 WHERE id = ?1";
    Ok(engine.execute(update, (id.as_str(), after(now(), time_to_live)))? > 0)
}

pub(super) fn release(engine: &rusqlite::Transaction<'_>, id: &LeaseId) -> Result<(), Failure> {
    engine.execute(DELETE, [id.as_str()])?;
    Ok(())
}

/// Removes what dead processes left under names that nobody asks for. Nearly always there is none.
fn forget_abandoned(engine: &rusqlite::Transaction<'_>, now_unix_ms: i64) -> rusqlite::Result<()> {
    for held in held_where(engine, "expires_unix_ms <= ?1", now_unix_ms)? {
        if held.is_abandoned(now_unix_ms) {
            engine.execute(DELETE, [&held.id])?;
        }
    }
    Ok(())
}

fn holders_of(engine: &rusqlite::Transaction<'_>, name: &Key) -> rusqlite::Result<Vec<Held>> {
    held_where(engine, "name = ?1", name.as_str())
}

fn held_where(
    engine: &rusqlite::Transaction<'_>,
    condition: &'static str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<Vec<Held>> {
    let query = format!("SELECT id, exclusive, holder, expires_unix_ms FROM lease WHERE {condition}");
    let mut statement = engine.prepare(&query)?;
    let held = statement.query_map([value], |row| {
        let holder: String = row.get(2)?;
        let holder = serde_json::from_str(&holder)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, Box::new(error)))?;
        Ok(Held { id: row.get(0)?, exclusive: row.get(1)?, holder, expires_unix_ms: row.get(3)? })
    })?;
    held.collect()
}

fn now() -> i64 {
    i64::try_from(now_unix_ms()).unwrap_or(i64::MAX)
}

fn after(now_unix_ms: i64, time_to_live: Duration) -> i64 {
    now_unix_ms.saturating_add(i64::try_from(time_to_live.as_millis()).unwrap_or(i64::MAX))
}
