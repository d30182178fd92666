//! Entries and transactions, as statements.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use super::Failure;
use crate::entry::{Entry, Version};
use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::transaction::{Committed, Transaction};

pub(super) fn get(connection: &Connection, key: Key) -> rusqlite::Result<Option<Entry>> {
    let query = "SELECT value, version FROM entry WHERE key = ?1";
    let found = connection
        .query_row(query, [key.as_str()], |row| Ok((row.get(0)?, version_in(row, 1)?)))
        .optional()?;
    Ok(found.map(|(value, version)| Entry { key, value, version }))
}

pub(super) fn list(connection: &Connection, prefix: &Prefix) -> rusqlite::Result<Vec<Entry>> {
    let query = "SELECT key, value, version FROM entry
                 WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key";
    let mut statement = connection.prepare(query)?;
    let entries = statement.query_map((prefix.as_str(), prefix.end()), |row| {
        Ok(Entry { key: key_in(row, 0)?, value: row.get(1)?, version: version_in(row, 2)? })
    })?;
    entries.collect()
}

pub(super) fn commit(
    engine: &rusqlite::Transaction<'_>,
    transaction: Transaction,
) -> Result<Committed, Failure> {
    for (key, expected) in transaction.guards {
        let found = version_of(engine, &key)?;
        if found != expected {
            return Err(Failure::Refused(Error::Conflict { key, expected, found }));
        }
    }
    for (id, name) in transaction.leases {
        let query = "SELECT EXISTS (SELECT 1 FROM lease WHERE id = ?1 AND name = ?2)";
        if !engine.query_row(query, [id.as_str(), name.as_str()], |row| row.get(0))? {
            return Err(Failure::Refused(Error::LeaseLost { name }));
        }
    }
    if transaction.changes.is_empty() {
        let query = "SELECT version FROM latest";
        let version = engine.query_row(query, (), |row| version_in(row, 0))?;
        return Ok(Committed { version });
    }
    let query = "UPDATE latest SET version = version + 1 RETURNING version";
    let version = engine.query_row(query, (), |row| version_in(row, 0))?;
    let mut put = engine.prepare(
        "INSERT INTO entry (key, value, version) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version",
    )?;
    let mut delete = engine.prepare("DELETE FROM entry WHERE key = ?1")?;
    for (key, value) in transaction.changes {
        match value {
            Some(value) => put.execute((key.as_str(), value, version.0.cast_signed()))?,
            None => delete.execute([key.as_str()])?,
        };
    }
    Ok(Committed { version })
}

fn version_of(engine: &Connection, key: &Key) -> rusqlite::Result<Version> {
    let query = "SELECT version FROM entry WHERE key = ?1";
    let found = engine.query_row(query, [key.as_str()], |row| version_in(row, 0)).optional()?;
    Ok(found.unwrap_or(Version::ABSENT))
}

fn version_in(row: &Row<'_>, column: usize) -> rusqlite::Result<Version> {
    let number: i64 = row.get(column)?;
    let version = u64::try_from(number);
    version.map(Version).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn key_in(row: &Row<'_>, column: usize) -> rusqlite::Result<Key> {
    let text: String = row.get(column)?;
    Key::new(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}
