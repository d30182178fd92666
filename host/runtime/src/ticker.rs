//! The clock that interrupts guests: one thread an engine, asleep while no guest runs.
//!
//! A guest that waits for the host does not run: a minute of waiting costs no tick.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How often running guests are interrupted and their time is taken.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Starts and stops the ticks. Dropping the last clone ends the thread.
#[derive(Clone)]
pub(crate) struct Ticker(Arc<Shared>);

struct Shared {
    guests: Mutex<Guests>,
    one_runs: Condvar,
}

#[derive(Default)]
struct Guests {
    running: u32,
    /// Whether the thread has to be woken.
    asleep: bool,
}

/// While one of these lives, the engine's epoch advances.
struct Ticking<'a>(&'a Shared);

impl Ticker {
    /// The thread holds the engine weakly, so it cannot keep it alive.
    pub(crate) fn start(engine: &wasmtime::Engine) -> Result<Self, std::io::Error> {
        let shared = Arc::new(Shared { guests: Mutex::default(), one_runs: Condvar::new() });
        let (weak_shared, engine) = (Arc::downgrade(&shared), engine.weak());
        std::thread::Builder::new()
            .name("skywright-ticker".to_owned())
            .spawn(move || while tick(&weak_shared, &engine) {})?;
        Ok(Self(shared))
    }

    /// Runs a guest's future; there are ticks while it is polled, and none while it waits.
    pub(crate) async fn over<R>(&self, guest: impl Future<Output = R>) -> R {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            let _ticking = Ticking::new(&self.0);
            guest.as_mut().poll(context)
        })
        .await
    }
}

impl Shared {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Ticking<'a> {
    fn new(shared: &'a Shared) -> Self {
        let mut guests = shared.guests();
        guests.running += 1;
        if std::mem::take(&mut guests.asleep) {
            shared.one_runs.notify_one();
        }
        Self(shared)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        let mut guests = self.0.guests();
        guests.running = guests.running.saturating_sub(1);
    }
}

/// One tick, or one nap while nothing runs. `false` once the engine is gone.
fn tick(shared: &Weak<Shared>, engine: &wasmtime::EngineWeak) -> bool {
    /// How long the engine's end may go unnoticed by an idle ticker.
    const NAP: Duration = Duration::from_secs(1);
    let Some(shared) = shared.upgrade() else { return false };
    let mut guests = shared.guests();
    if guests.running == 0 {
        guests.asleep = true;
        let _ = shared.one_runs.wait_timeout(guests, NAP);
        return true;
    }
    drop(guests);
    drop(shared);
    std::thread::sleep(TICK);
    let Some(engine) = engine.upgrade() else { return false };
    engine.increment_epoch();
    true
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_guest_that_waits_does_not_run() {
        let ticker = Ticker::start(&wasmtime::Engine::default()).unwrap();
        let running = || ticker.0.guests().running;
        let (answer, asked) = oneshot::channel();
        let mut guest = pin!(ticker.over(async {
            let before = running();
            asked.await.unwrap();
            (before, running())
        }));
        let poll = guest.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!((poll, running()), (Poll::Pending, 0));
        answer.send(()).unwrap();
        assert_eq!((guest.await, running()), ((1, 1), 0));
    }
}
