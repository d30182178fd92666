//! Rate buckets: no more requests than the cloud tolerates.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::clock::Clock;

/// What the cloud tolerates in one bucket: requests in a period, and at once. A zero is no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The bucket's name.
    pub bucket: String,
    /// Requests that begin within any one period.
    pub requests: u32,
    /// The period, in milliseconds.
    pub period_ms: u32,
    /// Requests at once.
    pub in_flight: u32,
}

/// Every bucket of one client.
#[derive(Debug)]
pub(crate) struct Rates(BTreeMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    requests: usize,
    period: Duration,
    in_flight: Option<Arc<Semaphore>>,
    /// When the requests of the last period began, on the monotonic clock. Whoever waits holds the
    /// lock, so that requests go in the order in which they came.
    begun: Mutex<VecDeque<Duration>>,
}

/// A place in a bucket; dropping it gives the place at once back, not that in the period.
#[derive(Debug)]
pub(crate) struct Slot(#[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>);

impl Rates {
    pub(crate) fn new(rates: &[Rate]) -> Self {
        let bucket = |rate: &Rate| Bucket {
            requests: usize::try_from(rate.requests).unwrap_or(usize::MAX),
            period: Duration::from_millis(rate.period_ms.into()),
            in_flight: (rate.in_flight > 0).then(|| {
                let places = usize::try_from(rate.in_flight).unwrap_or(usize::MAX);
                Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)))
            }),
            begun: Mutex::default(),
        };
        Self(rates.iter().map(|rate| (rate.bucket.clone(), bucket(rate))).collect())
    }

    pub(crate) fn contains(&self, bucket: &str) -> bool {
        self.0.contains_key(bucket)
    }

    /// Waits for a place. Dropping the future leaves nothing behind.
    pub(crate) async fn enter(&self, bucket: Option<&str>, clock: &dyn Clock) -> Slot {
        let Some(bucket) = bucket.and_then(|name| self.0.get(name)) else { return Slot(None) };
        let permit = match &bucket.in_flight {
            // The semaphore is never closed.
            Some(semaphore) => Arc::clone(semaphore).acquire_owned().await.ok(),
            None => None,
        };
        bucket.begin(clock).await;
        Slot(permit)
    }
}

impl Bucket {
    async fn begin(&self, clock: &dyn Clock) {
        if self.requests == 0 || self.period.is_zero() {
            return;
        }
        let mut begun = self.begun.lock().await;
        loop {
            let now = clock.monotonic();
            while begun.front().is_some_and(|first| now.saturating_sub(*first) >= self.period) {
                begun.pop_front();
            }
            match begun.front() {
                Some(first) if begun.len() >= self.requests => {
                    clock.sleep((*first + self.period).saturating_sub(now)).await;
                }
                _ => {
                    begun.push_back(now);
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::TestClock;

    fn rates(requests: u32, in_flight: u32) -> Rates {
        Rates::new(&[Rate { bucket: "compute".to_owned(), requests, period_ms: 1000, in_flight }])
    }

    #[tokio::test]
    async fn no_period_has_more_requests_than_the_rate() {
        let (rates, clock) = (rates(3, 0), TestClock::default());
        let mut begun = Vec::new();
        for _ in 0..8 {
            drop(rates.enter(Some("compute"), &clock).await);
            begun.push(clock.monotonic().as_millis());
        }
        assert_eq!(begun, [0, 0, 0, 1000, 1000, 1000, 2000, 2000]);
        drop(rates.enter(None, &clock).await);
        assert_eq!(clock.sleeps.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn places_at_once_come_back_when_they_are_dropped() {
        let (rates, clock) = (rates(0, 2), TestClock::default());
        let first = rates.enter(Some("compute"), &clock).await;
        let second = rates.enter(Some("compute"), &clock).await;
        let third = rates.enter(Some("compute"), &clock);
        tokio::pin!(third);
        assert!(futures_poll(third.as_mut()).await.is_none());
        drop(first);
        assert!(futures_poll(third.as_mut()).await.is_some());
        drop(second);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_takes_no_place() {
        let (rates, clock) = (rates(0, 1), TestClock::default());
        let first = rates.enter(Some("compute"), &clock).await;
        {
            let waiting = rates.enter(Some("compute"), &clock);
            tokio::pin!(waiting);
            assert!(futures_poll(waiting.as_mut()).await.is_none());
        }
        drop(first);
        let next = rates.enter(Some("compute"), &clock);
        tokio::pin!(next);
        assert!(futures_poll(next.as_mut()).await.is_some());
    }

    /// One poll.
    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
