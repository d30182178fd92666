//! Clocks too coarse to measure anything by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use crate::session::Session;

/// The session's time, in whole seconds.
pub(super) struct SessionClock(pub(super) Arc<Session>);

impl HostWallClock for SessionClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(self.0.now_s())
    }
}

/// Time since the instance began, in whole milliseconds.
pub(super) struct Milliseconds(Instant);

impl Milliseconds {
    const NANOS: u64 = 1_000_000;

    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl HostMonotonicClock for Milliseconds {
    fn resolution(&self) -> u64 {
        Self::NANOS
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX / Self::NANOS) * Self::NANOS
    }
}
