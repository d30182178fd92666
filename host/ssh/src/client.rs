//! Connections, shared by everything that goes the same way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::select_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::Connection;
use crate::endings::Endings;
use crate::error::Error;
use crate::hop::{Hop, Role};
use crate::link::{Link, Session};
use crate::settings::Settings;
use crate::target::{Endpoint, Target};

/// For how long a gateway that was down is tried last.
const SHUN_FOR: Duration = Duration::from_secs(30);

/// Connections to machines, shared: sessions with one target go over one connection as far as its server
/// allows, and targets behind one gateway over one connection to that. Cheap to clone. Connections that are
/// lost are made anew for whatever is started next. Everything ends with the last clone.
///
/// Needs a tokio runtime with time and IO.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
}

struct Pool {
    settings: Settings,
    endings: Endings,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// The connections to one place by one way.
#[derive(Default)]
struct Slot {
    /// Locked while one is made, so that others wait for it.
    links: tokio::sync::Mutex<Vec<Arc<Link>>>,
    /// Why it could not be reached when that was last tried.
    failure: Mutex<Option<Failure>>,
}

struct Failure {
    at: Instant,
    reason: String,
}

impl Client {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { pool: Arc::new(Pool { settings, endings: Endings::default(), slots: Mutex::default() }) }
    }

    /// Connects, or finds the connection that there is.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::Unreachable`], [`Error::NoGateway`], [`Error::HostKeyMismatch`],
    /// [`Error::AuthRefused`], [`Error::Handshake`]. Nothing was done in any case.
    pub async fn connect(&self, target: &Target) -> Result<Connection, Error> {
        target.check()?;
        let (link, _place) = self.place(target).await?;
        Ok(Connection::new(self.clone(), target.clone(), link.host_key().clone(), link.via().cloned()))
    }

    /// Connects to a machine that may still be starting: tries every second until the time is over. Only what
    /// passes by itself is tried again; a wrong host key does not.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), the last one.
    pub async fn connect_within(&self, target: &Target, limit: Duration) -> Result<Connection, Error> {
        let end = Instant::now() + limit;
        loop {
            let error = match self.connect(target).await {
                Ok(connection) => return Ok(connection),
                // The key gets there by user data, some time after the server listens.
                Err(error) if error.is_unreachable() || matches!(error, Error::AuthRefused { .. }) => error,
                Err(error) => return Err(error),
            };
            let next = Instant::now() + Duration::from_secs(1);
            if next > end {
                return Err(error);
            }
            self.forget_downs(target);
            sleep_until(next).await;
        }
    }

    /// Lets go of all connections: each ends when nobody uses it any more.
    pub fn disconnect(&self) {
        self.pool.slots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until the remote processes of dropped commands are ended: some seconds at most. For before the
    /// runtime is shut down.
    pub async fn settle(&self) {
        self.pool.endings.settle().await;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.pool.settings
    }

    /// A session with the target, on a connection that has room.
    pub(crate) async fn session(&self, target: &Target) -> Result<Session, Error> {
        // A kept connection may turn out to be dead: once more then, on a new one.
        let mut again = true;
        loop {
            let (link, place) = self.place(target).await?;
            match link.session(place, self.settings()).await {
                Ok(Some(session)) => return Ok(session),
                Ok(None) => (),
                Err(error) if again && error.is_unreachable() => {
                    again = false;
                    self.drop_link(target, &link).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A connection to the target, for tunnels, which take no session.
    pub(crate) async fn link(&self, target: &Target) -> Result<Arc<Link>, Error> {
        Ok(self.place(target).await?.0)
    }

    /// A place for a session on one of the target's connections, waiting for it if all are used.
    async fn place(&self, target: &Target) -> Result<(Arc<Link>, OwnedSemaphorePermit), Error> {
        let slot = self.slot(&target.identity());
        let asked_at = Instant::now();
        let mut links = slot.links.lock().await;
        links.retain(|link| link.is_useful());
        for link in links.iter() {
            if let Ok(place) = link.places().try_acquire_owned() {
                return Ok((Arc::clone(link), place));
            }
        }
        if links.len() < self.settings().connections_per_target.max(1) {
            slot.check(asked_at, &target.endpoint.hop(Role::Target))?;
            let opened = self.open(target).await;
            slot.note(opened.as_ref().err());
            let link = Arc::new(opened?);
            links.push(Arc::clone(&link));
            let place = link.places().try_acquire_owned().map_err(|_| no_place())?;
            return Ok((link, place));
        }
        let waiting = links.clone();
        drop(links);
        let (place, index, _) =
            select_all(waiting.iter().map(|link| Box::pin(link.places().acquire_owned()))).await;
        let link = waiting.into_iter().nth(index).ok_or_else(no_place)?;
        Ok((link, place.map_err(|_| no_place())?))
    }

    /// A new connection to the target.
    async fn open(&self, target: &Target) -> Result<Link, Error> {
        if target.gateways.is_empty() {
            return Link::open(&target.endpoint, Role::Target, self.settings(), &self.pool.endings).await;
        }
        let mut left: Vec<&Endpoint> = target.gateways.iter().collect();
        left.sort_by_key(|gateway| self.slot(&gateway.identity()).was_down());
        let mut failures = Vec::new();
        while let Some((gateway, link)) = self.first_gateway(&mut left, &mut failures).await? {
            match Link::open_through(link, &target.endpoint, self.settings()).await {
                Err(error) if error.is_unreachable() => failures.push(error),
                done => return done,
            }
            left.retain(|other| other.identity() != gateway);
        }
        if failures.len() > 1 {
            let target = target.endpoint.hop(Role::Target);
            return Err(Error::NoGateway { target, failures });
        }
        Err(failures.pop().unwrap_or_else(no_place))
    }

    /// The first of the gateways that works, and its identity. Each next one is tried when the one before has
    /// failed, or has not answered for a while. Those that failed are taken out.
    async fn first_gateway(
        &self,
        left: &mut Vec<&Endpoint>,
        failures: &mut Vec<Error>,
    ) -> Result<Option<(String, Arc<Link>)>, Error> {
        let mut waiting = left.clone().into_iter();
        let mut trying = FuturesUnordered::new();
        loop {
            if trying.is_empty() {
                let Some(gateway) = waiting.next() else { return Ok(None) };
                trying.push(self.gateway(gateway));
            }
            let (identity, outcome) = tokio::select! {
                Some(done) = trying.next() => done,
                () = sleep(self.settings().fail_over_after), if waiting.len() > 0 => {
                    trying.extend(waiting.next().map(|gateway| self.gateway(gateway)));
                    continue;
                }
            };
            match outcome {
                Ok(link) => return Ok(Some((identity, link))),
                Err(error) if error.is_unreachable() => {
                    left.retain(|other| other.identity() != identity);
                    failures.push(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The connection to a gateway, new if there is none, and its identity.
    async fn gateway(&self, gateway: &Endpoint) -> (String, Result<Arc<Link>, Error>) {
        let identity = gateway.identity();
        let slot = self.slot(&identity);
        let asked_at = Instant::now();
        let mut links = slot.links.lock().await;
        links.retain(|link| !link.is_lost());
        if let Some(link) = links.first() {
            return (identity, Ok(Arc::clone(link)));
        }
        if let Err(error) = slot.check(asked_at, &gateway.hop(Role::Gateway)) {
            return (identity, Err(error));
        }
        let opened =
            Link::open(gateway, Role::Gateway, self.settings(), &self.pool.endings).await.map(Arc::new);
        slot.note(opened.as_ref().err());
        links.extend(opened.as_ref().ok().cloned());
        (identity, opened)
    }

    fn slot(&self, identity: &str) -> Arc<Slot> {
        let mut slots = self.pool.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(identity.to_owned()).or_default())
    }

    async fn drop_link(&self, target: &Target, dead: &Arc<Link>) {
        self.slot(&target.identity()).links.lock().await.retain(|link| !Arc::ptr_eq(link, dead));
    }

    fn forget_downs(&self, target: &Target) {
        for gateway in &target.gateways {
            self.slot(&gateway.identity()).note(None);
        }
    }
}

impl Slot {
    fn was_down(&self) -> bool {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().is_some_and(|failure| failure.at.elapsed() < SHUN_FOR)
    }

    /// Fails as somebody else did while this one waited: many that wait for a machine that is down should not
    /// try it one after the other.
    fn check(&self, asked_at: Instant, hop: &Hop) -> Result<(), Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match &*failure {
            Some(failure) if failure.at > asked_at => Err(Error::unreachable(hop, failure.reason.as_str())),
            _ => Ok(()),
        }
    }

    fn note(&self, error: Option<&Error>) {
        let reason = match error {
            Some(Error::Unreachable { reason, .. }) => Some(reason.clone()),
            Some(error) if error.is_unreachable() => Some(error.to_string()),
            _ => None,
        };
        let failure = reason.map(|reason| Failure { at: Instant::now(), reason });
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

fn no_place() -> Error {
    Error::Internal("a connection has no place for a session".to_owned())
}
