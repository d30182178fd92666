//! What the file looks like, and how an older one becomes like that.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::{BUSY_TIMEOUT, failure};
use crate::error::Error;

/// Each brings the file from one format to the next; the first makes it. A released one is never
/// changed.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE entry (
        key     TEXT PRIMARY KEY NOT NULL,
        value   BLOB NOT NULL,
        version INTEGER NOT NULL
    ) STRICT;
    -- The version of the newest commit.
    CREATE TABLE latest (version INTEGER NOT NULL) STRICT;
    INSERT INTO latest VALUES (0);
    CREATE TABLE lease (
        name            TEXT NOT NULL,
        id              TEXT NOT NULL,
        exclusive       INTEGER NOT NULL,
        holder          TEXT NOT NULL,
        expires_unix_ms INTEGER NOT NULL,
        PRIMARY KEY (name, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX lease_by_id ON lease (id);
"];

/// Marks the file as skywright's: `SKYW`.
const APPLICATION_ID: i64 = 0x534b_5957;

/// Checks that the file is a store, and makes it one if it is empty or of an older format.
pub(super) fn ensure(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match try_ensure(connection, path) {
            // Where the mode of the journal changes, SQLite does not wait by itself.
            Err(Step::Engine(error)) if is_busy(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(Step::Engine(error)) => return Err(failure::of(path)(error)),
            Err(Step::Refused(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
}

enum Step {
    Refused(Error),
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Step {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, FileLockingProtocolFailed};
    let code = error.sqlite_error_code();
    matches!(code, Some(DatabaseBusy | DatabaseLocked | FileLockingProtocolFailed))
}

fn try_ensure(connection: &mut Connection, path: &Path) -> Result<(), Step> {
    let found = format(&connection.transaction()?, path)?;
    if found == MIGRATIONS.len() {
        return Ok(());
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let reason = format!("it cannot have a write-ahead log, its journal stays `{mode}`");
        return Err(Step::Refused(Error::Engine { path: path.to_owned(), reason }));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Others may have been faster.
    let found = format(&transaction, path)?;
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}

/// How many migrations the file has seen. In a transaction, because others may be making the file
/// between two looks at it.
fn format(connection: &Transaction<'_>, path: &Path) -> Result<usize, Step> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application_id, version) = (number("application_id")?, number("user_version")?);
    let not_ours = |reason| Step::Refused(Error::NotAStore { path: path.to_owned(), reason });
    if application_id == 0 && version == 0 {
        let query = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(query, (), |row| row.get(0))?;
        return if tables == 0 { Ok(0) } else { Err(not_ours("another program keeps its tables in it")) };
    }
    if application_id != APPLICATION_ID {
        return Err(not_ours("another program made it"));
    }
    match usize::try_from(version) {
        Ok(known) if (1..=MIGRATIONS.len()).contains(&known) => Ok(known),
        Ok(newer) if newer > MIGRATIONS.len() => Err(Step::Refused(Error::Newer {
            path: path.to_owned(),
            found: u32::try_from(newer).unwrap_or(u32::MAX),
            known: u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX),
        })),
        _ => Err(not_ours("it has no format")),
    }
}
