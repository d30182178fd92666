//! Leases: what one process does alone, or with others that only look.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::error::Error;
use crate::holder::Holder;
use crate::key::Key;
use crate::store::Store;

/// How long a lease outlives its last renewal, if its holder cannot be seen.
pub const LEASE_TTL: Duration = Duration::from_secs(30);
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Who else may hold the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseMode {
    /// Others who also share it.
    Shared,
    /// Nobody.
    Exclusive,
}

/// One lease of those that are asked for together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Its name. Names of leases and keys of entries do not meet.
    pub name: Key,
    /// Who else may hold it.
    pub mode: LeaseMode,
}

impl LeaseRequest {
    /// Alone.
    #[must_use]
    pub fn exclusive(name: Key) -> Self {
        Self { name, mode: LeaseMode::Exclusive }
    }

    /// Together with others who share it.
    #[must_use]
    pub fn shared(name: Key) -> Self {
        Self { name, mode: LeaseMode::Shared }
    }
}

/// Tells one lease from all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(String);

impl LeaseId {
    /// A new one, by chance.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] if the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Random)?;
        Ok(Self(format!("{:032x}", u128::from_le_bytes(bytes))))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an engine is asked for.
#[derive(Debug, Clone)]
pub struct LeaseClaim {
    /// What the lease shall be called.
    pub id: LeaseId,
    /// All or none of these; no name twice.
    pub requests: Vec<LeaseRequest>,
    /// For whom.
    pub holder: Holder,
    /// How long without renewal.
    pub time_to_live: Duration,
}

/// Leases that this process holds together. They are given back when it is dropped.
///
/// A task of the runtime renews it. A process that ends without giving it back loses it at once to
/// whoever asks on the same machine, and after [`LEASE_TTL`] to the others. A process that lives is
/// never dispossessed by one that can see it, however long it hangs.
pub struct Lease {
    held: Held,
    requests: Vec<LeaseRequest>,
    renewal: AbortHandle,
    lost: watch::Receiver<bool>,
}

impl Lease {
    /// Takes all that is requested together, or nothing, so that no two can wait for each other.
    ///
    /// Waits at most so long for others to give back what they hold; zero tries once. Whoever waits
    /// has no place in a queue, and those who share can keep out one who does not. What this
    /// process holds already counts like what others hold. A name that is requested twice is requested
    /// in the stronger mode. Dropping the future gives everything back.
    ///
    /// # Errors
    ///
    /// [`Error::Held`] if somebody still holds one of them, or those of the engine.
    pub async fn acquire(
        store: &Arc<dyn Store>,
        requests: &[LeaseRequest],
        holder: &Holder,
        wait: Duration,
    ) -> Result<Self, Error> {
        let requests = without_duplicates(requests);
        let deadline = Instant::now().checked_add(wait);
        let mut pause = FIRST_PAUSE;
        loop {
            match attempt(store, &requests, holder).await {
                Err(Error::Held { .. }) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
                Err(error) => return Err(error),
                Ok(held) => return Ok(Self::keep(held, requests)),
            }
            let until = Instant::now() + jittered(pause);
            tokio::time::sleep_until(deadline.map_or(until, |deadline| until.min(deadline))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn keep(held: Held, requests: Vec<LeaseRequest>) -> Self {
        let (tell, lost) = watch::channel(false);
        let renewal = tokio::spawn(renew(Arc::clone(&held.store), held.id.clone(), RENEWAL_INTERVAL, tell));
        Self { held, requests, renewal: renewal.abort_handle(), lost }
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> &LeaseId {
        &self.held.id
    }

    /// What it holds.
    #[must_use]
    pub fn requests(&self) -> &[LeaseRequest] {
        &self.requests
    }

    /// Whether it is known to be lost to somebody else: it could not be renewed in time.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Returns once the lease is lost to somebody else, if ever.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        if lost.wait_for(|lost| *lost).await.is_err() {
            // Nobody renews it any more, which happens when the runtime ends.
            std::future::pending::<()>().await;
        }
    }

    /// Gives it back and says whether that worked.
    ///
    /// # Errors
    ///
    /// Those of the engine. The lease then ends as if this process had ended.
    pub async fn release(mut self) -> Result<(), Error> {
        self.renewal.abort();
        self.held.given_back = true;
        self.held.store.release_lease(&self.held.id).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.held.id)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

/// A lease in the store, given back on drop.
struct Held {
    store: Arc<dyn Store>,
    id: LeaseId,
    given_back: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.given_back {
            self.store.abandon_lease(&self.id);
        }
    }
}

/// Tries once, in a task of its own: if nobody waits for it any more, it goes on, and its result is
/// dropped, which gives the lease back.
async fn attempt(store: &Arc<dyn Store>, requests: &[LeaseRequest], holder: &Holder) -> Result<Held, Error> {
    let claim = LeaseClaim {
        id: LeaseId::random()?,
        requests: requests.to_vec(),
        holder: holder.from_now(),
        time_to_live: LEASE_TTL,
    };
    let store = Arc::clone(store);
    let task = tokio::spawn(async move {
        store.try_lease(&claim).await.map(|()| Held { store, id: claim.id, given_back: false })
    });
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever asked.
            Err(_) => std::future::pending().await,
        },
    }
}

async fn renew(store: Arc<dyn Store>, id: LeaseId, interval: Duration, lost: watch::Sender<bool>) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(interval).await;
        match store.renew_lease(&id, LEASE_TTL).await {
            Ok(true) => renewed = Instant::now(),
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "a lease could not be renewed");
                if renewed.elapsed() > LEASE_TTL {
                    break;
                }
            }
        }
    }
    lost.send_replace(true);
    // The sender stays until the lease is dropped, so that nobody takes its end for another thing.
    std::future::pending::<()>().await;
}

fn without_duplicates(requests: &[LeaseRequest]) -> Vec<LeaseRequest> {
    let mut distinct: Vec<LeaseRequest> = Vec::with_capacity(requests.len());
    for request in requests {
        match distinct.iter_mut().find(|other| other.name == request.name) {
            Some(other) => other.mode = other.mode.max(request.mode),
            None => distinct.push(request.clone()),
        }
    }
    distinct
}

/// Between half of it and all of it, so that those who wait do not all come at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers it is not jittered; nothing else depends on it.
    let _ = SystemRandom::new().fill(&mut byte);
    pause.mul_f64(1.0 - f64::from(byte[0]) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_requested_once_in_the_stronger_mode() {
        let name = |text| Key::new(text).unwrap();
        let requests = [
            LeaseRequest::shared(name("b")),
            LeaseRequest::exclusive(name("a")),
            LeaseRequest::exclusive(name("b")),
            LeaseRequest::shared(name("a")),
        ];
        let expected = [LeaseRequest::exclusive(name("b")), LeaseRequest::exclusive(name("a"))];
        assert_eq!(without_duplicates(&requests), expected);
    }

    #[test]
    fn jitter_shortens_by_half_at_most() {
        let pause = Duration::from_millis(100);
        for _ in 0..1000 {
            assert!((Duration::from_millis(50)..=pause).contains(&jittered(pause)));
        }
    }

    #[tokio::test]
    async fn a_lease_is_renewed_until_it_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::SqliteStore::open(folder.path().join("state.db")).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        // Nobody can see this one, so that renewal is all that keeps it.
        let here = Holder::current("test").unwrap();
        let holder = Holder { boot_id: "another".to_owned(), ..here.clone() };
        let requests = [LeaseRequest::exclusive(Key::new("a").unwrap())];
        let held = attempt(&store, &requests, &holder).await.unwrap();
        assert!(store.renew_lease(&held.id, Duration::ZERO).await.unwrap());
        let (tell, mut lost) = watch::channel(false);
        let renewal =
            tokio::spawn(renew(Arc::clone(&store), held.id.clone(), Duration::from_millis(5), tell));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(matches!(attempt(&store, &requests, &here).await, Err(Error::Held { .. })));
        assert!(!*lost.borrow());
        store.release_lease(&held.id).await.unwrap();
        lost.wait_for(|lost| *lost).await.unwrap();
        renewal.abort();
    }

    #[test]
    fn ids_differ() {
        assert_ne!(LeaseId::random().unwrap(), LeaseId::random().unwrap());
    }
}
