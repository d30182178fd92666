//! What SQLite's errors mean to whoever has the file.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use super::BUSY_TIMEOUT;
use crate::error::Error;

/// The error that says what happened to this file.
pub(super) fn of(path: &Path) -> impl FnOnce(rusqlite::Error) -> Error {
    move |error| {
        let path = path.to_owned();
        let reason = error.to_string();
        let rusqlite::Error::SqliteFailure(code, _) = &error else {
            return match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::QueryReturnedNoRows => Error::Corrupt { path, reason },
                _ => Error::Engine { path, reason },
            };
        };
        match (code.code, code.extended_code) {
            (ErrorCode::DatabaseCorrupt, _)
            | (_, ffi::SQLITE_IOERR_SHORT_READ | ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA) => {
                Error::Corrupt { path, reason }
            }
            (ErrorCode::NotADatabase, _) => {
                Error::NotAStore { path, reason: "it is not an SQLite file, or its beginning is damaged" }
            }
            // A quota or a limit of the file's size, which SQLite does not tell from other failures.
            (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => {
                Error::Full { path, reason }
            }
            (ErrorCode::ReadOnly, _) => Error::ReadOnly { path },
            (
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed,
                _,
            ) => {
                let waited_ms = u64::try_from(BUSY_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
                Error::Busy { path, waited_ms }
            }
            (ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
                Error::File { action: "open", path, source: std::io::Error::other(reason) }
            }
            _ => Error::Engine { path, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_codes_mean() {
        for (code, expected) in [
            (ffi::SQLITE_BUSY, "state-busy"),
            (ffi::SQLITE_BUSY_RECOVERY, "state-busy"),
            (ffi::SQLITE_PROTOCOL, "state-busy"),
            (ffi::SQLITE_CANTOPEN, "state-file"),
            (ffi::SQLITE_CORRUPT, "state-corrupt"),
            (ffi::SQLITE_CORRUPT_INDEX, "state-corrupt"),
            (ffi::SQLITE_IOERR_SHORT_READ, "state-corrupt"),
            (ffi::SQLITE_FULL, "state-full"),
            (ffi::SQLITE_IOERR_WRITE, "state-full"),
            (ffi::SQLITE_IOERR_FSYNC, "state-engine"),
            (ffi::SQLITE_NOTADB, "state-not-a-store"),
            (ffi::SQLITE_READONLY, "state-read-only"),
            (ffi::SQLITE_READONLY_DIRECTORY, "state-read-only"),
            (ffi::SQLITE_MISUSE, "state-engine"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = of(Path::new("/state.db"))(error);
            assert_eq!(error.code(), expected, "{error}");
            assert!(error.to_string().contains("/state.db"), "{error}");
        }
    }
}
