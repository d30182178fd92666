//! The embedded engine: one SQLite file in WAL mode.

mod entries;
mod failure;
mod leases;
mod schema;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::entry::Entry;
use crate::error::{Error, file_error};
use crate::files;
use crate::key::{Key, Prefix};
use crate::lease::{LeaseClaim, LeaseId};
use crate::store::Store;
use crate::transaction::{Committed, Transaction};

/// How long others may keep the file locked. Every write takes milliseconds, so this is a hang.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 4;

/// A store in one SQLite file, safe for several processes of one machine at once.
///
/// The file and its companions `-wal` and `-shm` belong together; a copy of the file alone is whole
/// only while no process uses it. Clones share everything. Nothing runs in the background.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// Held while this process writes, so that its own threads queue here and not at the file.
    writing: Mutex<()>,
    idle: Mutex<Vec<Connection>>,
}

/// What has to be on the disk when a write returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Everything: it outlives a power cut.
    Full,
    /// Nothing: a lease is worthless after a power cut anyhow. The file stays whole.
    UntilPowerCut,
}

impl SqliteStore {
    /// Opens the file, and makes it (mode 0600) with its folder (mode 0700) if it is not there. An older
    /// format is brought up to date. Takes well below a millisecond, unless others keep the file locked.
    ///
    /// # Errors
    ///
    /// [`Error::Exposed`] if it or its folder is not this user's alone, [`Error::NetworkFileSystem`] if it
    /// lies where locks cannot be trusted, [`Error::NotAStore`] if it is something else,
    /// [`Error::Newer`] if a newer release wrote it, [`Error::Corrupt`] if it is damaged,
    /// [`Error::Busy`], [`Error::Full`], [`Error::ReadOnly`] or [`Error::File`] if it cannot be
    /// used.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let folder = files::folder_of(&path);
        files::ensure_folder(folder)?;
        check_file_system(folder, &path)?;
        files::ensure_private_file(&path)?;
        let first = connect(&path)?;
        let inner = Inner { path, writing: Mutex::new(()), idle: Mutex::new(vec![first]) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Does it where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(Error::Engine { path: self.inner.path.clone(), reason: error.to_string() }),
            },
        }
    }
}

impl Inner {
    /// A statement sees the store as it is at one moment; several may see several.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let connection = self.connection()?;
        let result = work(&connection).map_err(failure::of(&self.path));
        self.put_back(connection);
        result
    }

    /// All of it or, if it fails, nothing.
    fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let _one_at_a_time = lock(&self.writing);
        let mut connection = self.connection()?;
        let result = write(&mut connection, durability, work);
        self.put_back(connection);
        result.map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Engine(error) => failure::of(&self.path)(error),
        })
    }

    fn connection(&self) -> Result<Connection, Error> {
        let idle = lock(&self.idle).pop();
        idle.map_or_else(|| connect(&self.path), Ok)
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        // One that is stuck in a transaction would keep everybody out.
        if connection.is_autocommit() && idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
    }
}

/// Why a write did not happen.
enum Failure {
    /// A condition does not hold.
    Refused(Error),
    /// The engine could not.
    Engine(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

fn write<T>(
    connection: &mut Connection,
    durability: Durability,
    work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::UntilPowerCut => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// What a panic elsewhere left behind is whole: a transaction is rolled back when it is dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failure::of(path))?;
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
        // Damage shows where it is read, and not as a wrong value.
        .and_then(|()| connection.pragma_update(None, "cell_size_check", true))
        .map_err(failure::of(path))?;
    schema::ensure(&mut connection, path)?;
    Ok(connection)
}

/// WAL needs memory that all processes share, and locks that work; network file systems have neither.
fn check_file_system(folder: &Path, path: &Path) -> Result<(), Error> {
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517b;
    const CIFS: u64 = 0xff53_4d42;
    const SMB2: u64 = 0xfe53_4d42;
    let found = rustix::fs::statfs(folder).map_err(|error| file_error("read", folder)(error.into()))?;
    // The type is signed on some platforms.
    let kind = u64::try_from(found.f_type & 0xffff_ffff).unwrap_or_default();
    if matches!(kind, NFS | SMB | CIFS | SMB2) {
        return Err(Error::NetworkFileSystem { path: path.to_owned() });
    }
    Ok(())
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let key = key.clone();
        self.blocking(move |inner| inner.read(|connection| entries::get(connection, key))).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Entry>, Error> {
        let prefix = prefix.clone();
        self.blocking(move |inner| inner.read(|connection| entries::list(connection, &prefix))).await
    }

    async fn commit(&self, transaction: Transaction) -> Result<Committed, Error> {
        transaction.check()?;
        self.blocking(move |inner| {
            inner.write(Durability::Full, |engine| entries::commit(engine, transaction))
        })
        .await
    }

    async fn try_lease(&self, claim: &LeaseClaim) -> Result<(), Error> {
        let claim = claim.clone();
        self.blocking(move |inner| {
            inner.write(Durability::UntilPowerCut, |engine| leases::take(engine, &claim))
        })
        .await
    }

    async fn renew_lease(&self, id: &LeaseId, time_to_live: Duration) -> Result<bool, Error> {
        let id = id.clone();
        self.blocking(move |inner| {
            inner.write(Durability::UntilPowerCut, |engine| leases::renew(engine, &id, time_to_live))
        })
        .await
    }

    async fn release_lease(&self, id: &LeaseId) -> Result<(), Error> {
        let id = id.clone();
        self.blocking(move |inner| {
            inner.write(Durability::UntilPowerCut, |engine| leases::release(engine, &id))
        })
        .await
    }

    fn abandon_lease(&self, id: &LeaseId) {
        let released = self.inner.write(Durability::UntilPowerCut, |engine| leases::release(engine, id));
        if let Err(error) = released {
            tracing::warn!(%error, "a lease was not given back; it ends with this process");
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, SqliteStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("state.db")).unwrap();
        (folder, store)
    }

    fn put(name: &str, bytes: usize) -> Transaction {
        Transaction::new().put(Key::new(name).unwrap(), vec![7; bytes])
    }

    fn set(store: &SqliteStore, pragma: &str, value: i64) {
        // There is one connection as long as nothing happens at once. Some of these answer, some do not.
        let idle = lock(&store.inner.idle);
        let [connection] = idle.as_slice() else { panic!("one connection is idle") };
        connection.execute_batch(&format!("PRAGMA {pragma} = {value}")).unwrap();
    }

    #[tokio::test]
    async fn a_full_file_takes_nothing_and_keeps_everything() {
        let (_folder, store) = store();
        store.commit(put("small", 10)).await.unwrap();
        set(&store, "max_page_count", 12);
        let error = store.commit(put("small", 10).put(Key::new("large").unwrap(), vec![7; 99_999])).await;
        assert!(matches!(error, Err(Error::Full { .. })), "{error:?}");
        let all = store.list(&Prefix::all()).await.unwrap();
        assert_eq!(all.len(), 1);
        store.commit(put("small", 11)).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_can_be_read() {
        let (_folder, store) = store();
        store.commit(put("a", 10)).await.unwrap();
        set(&store, "query_only", 1);
        let error = store.commit(put("a", 11)).await;
        assert!(matches!(error, Err(Error::ReadOnly { .. })), "{error:?}");
        assert_eq!(store.get(&Key::new("a").unwrap()).await.unwrap().unwrap().value.len(), 10);
    }

    #[tokio::test]
    async fn commits_are_synchronous_and_leases_are_not() {
        let (_folder, store) = store();
        let synchronous = |store: &SqliteStore| {
            store.inner.read(|c| c.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)))
        };
        store.commit(put("a", 1)).await.unwrap();
        assert_eq!(synchronous(&store).unwrap(), 2);
        store.abandon_lease(&LeaseId::random().unwrap());
        assert_eq!(synchronous(&store).unwrap(), 1);
        store.commit(put("a", 1)).await.unwrap();
        assert_eq!(synchronous(&store).unwrap(), 2);
    }

    #[tokio::test]
    async fn connections_do_not_pile_up() {
        let (_folder, store) = store();
        let reads = (0..40).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.list(&Prefix::all()).await })
        });
        for read in reads.collect::<Vec<_>>() {
            read.await.unwrap().unwrap();
        }
        assert!((1..=IDLE_CONNECTIONS).contains(&lock(&store.inner.idle).len()));
    }
}
