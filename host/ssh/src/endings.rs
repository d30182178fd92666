//! Things that are being ended in the background.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts what is being ended.
#[derive(Clone)]
pub(crate) struct Endings(Arc<watch::Sender<usize>>);

/// One thing that is being ended, until it is dropped.
pub(crate) struct Ending(Endings);

impl Default for Endings {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Endings {
    pub(crate) fn begin(&self) -> Ending {
        self.0.send_modify(|count| *count += 1);
        Ending(self.clone())
    }

    /// Waits until nothing is being ended.
    pub(crate) async fn settle(&self) {
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
