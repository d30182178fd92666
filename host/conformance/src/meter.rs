//! Counts what leaves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use skywright_egress::{Exchange, ExchangeSink, SteppedClock, recording};

/// Counts the requests of a run, and hands each on to a recorder if there is one.
///
/// Every session of a subject has to be given it as its sink: what it does not see did not happen.
#[derive(Default)]
pub struct Meter {
    requests: AtomicU64,
    denied: Mutex<Vec<String>>,
    /// The recorder, and the clock that stands still between exchanges while one records.
    onward: Option<(Arc<dyn ExchangeSink>, Arc<SteppedClock>)>,
}

impl Meter {
    /// Counts alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts, sets the clock to the end of each exchange and hands it on with that time.
    #[must_use]
    pub fn recording(sink: Arc<dyn ExchangeSink>, clock: Arc<SteppedClock>) -> Self {
        Self { onward: Some((sink, clock)), ..Self::default() }
    }

    /// How many requests there were, refused ones too.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What the grant refused, each as the request's method and URL.
    #[must_use]
    pub fn denied(&self) -> Vec<String> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ExchangeSink for Meter {
    fn exchange(&self, exchange: &Exchange) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let recording::Outcome::Error(error) = &exchange.outcome
            && error.contains_key("denied")
        {
            let request = &exchange.request;
            let line = format!("{} {}", request.method, request.url);
            self.denied.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
        if let Some((sink, clock)) = &self.onward {
            clock.set(now_s());
            sink.exchange(&Exchange { at_s: Some(clock.now_s()), ..exchange.clone() });
        }
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
