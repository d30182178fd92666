//! Time, so that tests can have their own.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

/// A future that may be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What this crate asks of time.
pub trait Clock: Send + Sync {
    /// The time of day: credentials expire by it, and HTTP dates are read against it.
    fn wall(&self) -> SystemTime;
    /// Time since some fixed moment, that never runs backwards: waiting is measured by it.
    fn monotonic(&self) -> Duration;
    /// Waits. Dropping the future ends the waiting.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The system's own time.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
