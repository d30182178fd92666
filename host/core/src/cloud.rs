//! One tenant's cloud: its provider, asked again where that is safe, and waited for.
//!
//! Retry, back-off, deadlines and paging are here, once. Everything in the contract may be asked again: what
//! is done already says so. A create alone has to be told that it was asked before.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skywright_contract::Category;
use skywright_runtime::provider::{
    Call, Intent, Outcome, Pending, Provider, addresses, catalog, hosts, keypairs, networks, object_storage,
    security_groups, volumes,
};

use crate::error::Error;

/// How often and how long something is asked again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Times that it is asked in all.
    pub attempts: u32,
    /// The first pause at most; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause is longer, but where the cloud asks for more.
    pub longest_pause: Duration,
    /// No attempt begins after so long.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
            deadline: Duration::from_secs(180),
        }
    }
}

/// The most pages of one listing: at 100 entries each, more than any tenant has.
const MOST_PAGES: usize = 2_000;

/// The most pages in a row with nothing on them. A filter of the cloud's may leave some empty.
const MOST_EMPTY_PAGES: usize = 50;

/// What a request that was cut off may take on a loaded cloud until it shows in listings.
const SETTLING: Duration = Duration::from_secs(4);

/// Polls are not closer together, whatever a plugin says.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// One tenant's cloud. Cheap to clone.
#[derive(Clone)]
pub struct Cloud {
    provider: Arc<dyn Provider>,
    retry: RetryPolicy,
    /// How long a change may take across its polls.
    change_time: Duration,
    settling: Duration,
}

impl Cloud {
    /// Asks this provider.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self {
            provider,
            retry: RetryPolicy::default(),
            change_time: Duration::from_secs(30 * 60),
            settling: SETTLING,
        }
    }

    /// With another patience.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// A cloud that shows sooner or later what was asked of it.
    #[must_use]
    pub fn with_settling(mut self, settling: Duration) -> Self {
        self.settling = settling;
        self
    }

    /// How long the cloud may take to show what was asked of it by somebody who was cut off: what is looked
    /// for earlier may be made later, behind our back.
    #[must_use]
    pub fn settling(&self) -> Duration {
        self.settling
    }

    /// The provider itself.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    /// Whether it has a family, such as `hosts`.
    #[must_use]
    pub fn has(&self, family: &str) -> bool {
        self.provider.families().iter().any(|name| name == family)
    }

    /// Asks until it is answered, refused for good, or patience is over.
    ///
    /// # Errors
    ///
    /// The last error.
    pub async fn ask<'s, T>(&'s self, call: impl Fn(&'s dyn Provider) -> Call<'s, T>) -> Result<T, Error> {
        self.attempt(|_| call(&*self.provider)).await
    }

    /// [`ask`](Self::ask) for a create: from the second attempt on the provider is told that it was asked
    /// before.
    ///
    /// # Errors
    ///
    /// The last error.
    pub async fn create<'s, T>(
        &'s self,
        intent: &Intent,
        call: impl Fn(&'s dyn Provider, Intent) -> Call<'s, T>,
    ) -> Result<T, Error> {
        self.attempt(|again| {
            let intent = Intent { key: intent.key.clone(), again: intent.again || again };
            call(&*self.provider, intent)
        })
        .await
    }

    async fn attempt<'s, T>(&'s self, call: impl Fn(bool) -> Call<'s, T>) -> Result<T, Error> {
        let start = Instant::now();
        let mut pause = self.retry.first_pause;
        let mut attempt = 1;
        loop {
            let error = match call(attempt > 1).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(asked_for) = retry_after(&error) else { return Err(error.into()) };
            let pausing = asked_for.max(jittered(pause));
            let late = start.elapsed() + pausing > self.retry.deadline;
            if attempt >= self.retry.attempts || late {
                return Err(error.into());
            }
            tracing::info!(%error, attempt, pause_ms = pausing.as_millis(), "asking again");
            tokio::time::sleep(pausing).await;
            pause = (pause * 2).min(self.retry.longest_pause);
            attempt += 1;
        }
    }

    /// Polls a change to its end; `keep` is told each new token, and is over before the next poll.
    ///
    /// # Errors
    ///
    /// What the change failed with, [`Error::TooLong`] after half an hour, and what `keep` failed with.
    pub async fn finish<F>(
        &self,
        outcome: Outcome,
        mut keep: impl FnMut(Pending) -> F,
    ) -> Result<String, Error>
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let start = Instant::now();
        let mut outcome = outcome;
        let mut known = String::new();
        loop {
            let pending = match outcome {
                Outcome::Done(id) => return Ok(id),
                Outcome::Pending(pending) => pending,
            };
            if start.elapsed() > self.change_time {
                return Err(Error::TooLong { what: pending.note, limit: self.change_time });
            }
            let pause = Duration::from_millis(u64::from(pending.poll_after_ms)).max(SHORTEST_POLL);
            let token = pending.token.clone();
            if token != known {
                known.clone_from(&token);
                keep(pending).await?;
            }
            tokio::time::sleep(pause).await;
            outcome = self.poll(&token).await?;
        }
    }

    /// Looks how far a long change is.
    ///
    /// # Errors
    ///
    /// What the change failed with.
    pub async fn poll(&self, token: &str) -> Result<Outcome, Error> {
        self.ask(|provider| provider.poll(token)).await
    }

    /// Every entry of a listing. `call` gives a page as its entries and the cursor of the next one.
    ///
    /// # Errors
    ///
    /// What a page failed with; [`Error::EndlessListing`] if the pages go in a circle, repeat themselves under
    /// ever new cursors, or never end.
    pub async fn all<'s, T: PartialEq>(
        &'s self,
        what: &'static str,
        call: impl Fn(&'s dyn Provider, Option<String>) -> Call<'s, (Vec<T>, Option<String>)>,
    ) -> Result<Vec<T>, Error> {
        let mut items: Vec<T> = Vec::new();
        let mut cursor: Option<String> = None;
        let mut seen = HashSet::new();
        let (mut before, mut empty) = (0, 0);
        for _ in 0..MOST_PAGES {
            let (mut page, next) = self.attempt(|_| call(&*self.provider, cursor.clone())).await?;
            // A cloud that ignores the cursor gives its first page for ever.
            if !page.is_empty() && items.get(before..) == Some(&page[..]) {
                return Err(Error::EndlessListing { what });
            }
            empty = if page.is_empty() { empty + 1 } else { 0 };
            if empty > MOST_EMPTY_PAGES {
                return Err(Error::EndlessListing { what });
            }
            before = items.len();
            items.append(&mut page);
            match next {
                None => return Ok(items),
                Some(next) if seen.insert(next.clone()) => cursor = Some(next),
                Some(_) => return Err(Error::EndlessListing { what }),
            }
        }
        Err(Error::EndlessListing { what })
    }
}

/// Whole listings: every page of what a function gives.
macro_rules! listings {
    ($($(#[$doc:meta])* $name:ident -> $item:ty = $what:literal $method:ident($($argument:expr),*);)+) => {
        impl Cloud {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// As [`all`](Self::all).
                pub async fn $name(&self) -> Result<Vec<$item>, Error> {
                    self.all($what, |p, cursor| {
                        Box::pin(async move {
                            let page = p.$method($($argument,)* cursor.as_deref()).await?;
                            Ok((page.items, page.next))
                        })
                    })
                    .await
                }
            )+
        }
    };
}

listings! {
    /// All templates of the tenant's region.
    templates -> catalog::Template = "templates" templates();
    /// All images of the tenant's region.
    images -> catalog::Image = "images" images();
    /// All networks of the tenant.
    networks -> networks::Network = "networks" list_networks(&[]);
    /// All subnets of all networks.
    subnets -> networks::Subnet = "subnets" list_subnets(None);
    /// All security groups.
    security_groups -> security_groups::SecurityGroup = "security groups" list_security_groups(&[]);
    /// All hosts.
    hosts -> hosts::Host = "hosts" list_hosts(&[]);
    /// All volumes.
    volumes -> volumes::Volume = "volumes" list_volumes(&[]);
    /// All public addresses.
    addresses -> addresses::PublicAddress = "public addresses" list_addresses(&[]);
    /// All virtual IPs.
    virtual_ips -> addresses::VirtualIp = "virtual IPs" list_virtual_ips();
    /// All buckets.
    buckets -> object_storage::Bucket = "buckets" list_buckets();
    /// All keypairs.
    keypairs -> keypairs::Keypair = "keypairs" list_keypairs();
}

/// How long to wait before the same question may be worth asking; `None` for never.
fn retry_after(error: &skywright_runtime::Error) -> Option<Duration> {
    match error {
        skywright_runtime::Error::Guest(guest) => match guest.category {
            // A lost answer is asked for again, whatever the plugin says of it: intents make that safe.
            Category::OutcomeUnknown => Some(guest.retry_after.unwrap_or(Duration::ZERO)),
            _ => guest.retry_after,
        },
        // The call was too slow; nothing says that the next one will be.
        skywright_runtime::Error::Limit(limit) if limit.limit == skywright_runtime::LimitName::WallTimeMs => {
            Some(Duration::ZERO)
        }
        _ => None,
    }
}

/// Between half of a pause and all of it, so that many who wait do not come back together.
fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(0_u8) % 512;
    let share = u32::try_from(random).unwrap_or(0) + 512;
    pause * share / 1024
}
