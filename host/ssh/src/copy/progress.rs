//! How far a copy is.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress<'a> {
    /// The destination of the file of which something was moved just now.
    pub path: &'a str,
    /// Bytes that are there, those that were there before included.
    pub done_bytes: u64,
    /// Bytes that there are to be.
    pub total_bytes: u64,
    /// Files that are there.
    pub files_done: u64,
    /// Files that there are to be.
    pub files_total: u64,
}

/// What is called as a copy goes on: about a thousand times a GiB, from the copy's own task. It should not
/// block.
pub type CopyCallback<'a> = &'a (dyn Fn(CopyProgress<'_>) + Send + Sync);

/// Counts what is done.
pub(crate) struct Tally<'a> {
    pub(crate) callback: Option<CopyCallback<'a>>,
    pub(crate) total_bytes: u64,
    pub(crate) files_total: u64,
    pub(crate) moved_bytes: AtomicU64,
    pub(crate) resumed_bytes: AtomicU64,
    pub(crate) files_done: AtomicU64,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(callback: Option<CopyCallback<'a>>, total_bytes: u64, files_total: u64) -> Self {
        Self {
            callback,
            total_bytes,
            files_total,
            moved_bytes: AtomicU64::new(0),
            resumed_bytes: AtomicU64::new(0),
            files_done: AtomicU64::new(0),
        }
    }

    pub(crate) fn moved(&self, path: &str, bytes: u64) {
        self.moved_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell(path);
    }

    pub(crate) fn resumed(&self, path: &str, bytes: u64) {
        self.resumed_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.tell(path);
    }

    fn tell(&self, path: &str) {
        let Some(callback) = self.callback else { return };
        let moved = self.moved_bytes.load(Ordering::Relaxed);
        callback(CopyProgress {
            path,
            done_bytes: moved.saturating_add(self.resumed_bytes.load(Ordering::Relaxed)),
            total_bytes: self.total_bytes,
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: self.files_total,
        });
    }
}
