//! The clock that interrupts guests: one thread an engine, asleep while no guest runs.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How often running guests are interrupted and their time is taken.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Starts and stops the ticks. Dropping the last clone ends the thread.
#[derive(Clone)]
pub(crate) struct Ticker(Arc<Shared>);

struct Shared {
    running: Mutex<u32>,
    changed: Condvar,
}

/// While one of these lives, the engine's epoch advances.
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    /// The thread holds the engine weakly, so it cannot keep it alive.
    pub(crate) fn start(engine: &wasmtime::Engine) -> Result<Self, std::io::Error> {
        let shared = Arc::new(Shared { running: Mutex::new(0), changed: Condvar::new() });
        let (weak_shared, engine) = (Arc::downgrade(&shared), engine.weak());
        std::thread::Builder::new()
            .name("skywright-ticker".to_owned())
            .spawn(move || while tick(&weak_shared, &engine) {})?;
        Ok(Self(shared))
    }

    /// Counts one more running guest.
    pub(crate) fn enter(&self) -> Ticking {
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        if *running == 1 {
            self.0.changed.notify_one();
        }
        Ticking(self.0.clone())
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
    }
}

/// One tick, or one nap while nothing runs. `false` once the engine is gone.
fn tick(shared: &Weak<Shared>, engine: &wasmtime::EngineWeak) -> bool {
    /// How long the engine's end may go unnoticed by an idle ticker.
    const NAP: Duration = Duration::from_secs(1);
    let Some(shared) = shared.upgrade() else { return false };
    let running = shared.running.lock().unwrap_or_else(PoisonError::into_inner);
    if *running == 0 {
        let _ = shared.changed.wait_timeout(running, NAP);
        return true;
    }
    drop(running);
    drop(shared);
    std::thread::sleep(TICK);
    let Some(engine) = engine.upgrade() else { return false };
    engine.increment_epoch();
    true
}
