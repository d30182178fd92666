//! How far something is.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// How far something is. Numbers may go back when a part is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    /// Bytes that were read or handed on; up to some parts ahead of what the store has confirmed.
    pub bytes_done: u64,
    /// All bytes, where that is known beforehand.
    pub bytes_total: Option<u64>,
    /// Objects that are finished.
    pub objects_done: u64,
    /// All objects, where that is known beforehand.
    pub objects_total: Option<u64>,
}

/// Who is told. Called often and by several tasks at once: it must be quick. `()` ignores it.
pub trait Watch: Send + Sync {
    /// Something has moved on.
    fn progress(&self, progress: Progress);
}

impl Watch for () {
    fn progress(&self, _: Progress) {}
}

/// Sums up what several tasks do.
pub(crate) struct Tracker<'a> {
    watch: &'a dyn Watch,
    bytes_total: Option<u64>,
    objects_total: Option<u64>,
    bytes: AtomicU64,
    objects: AtomicU64,
}

impl<'a> Tracker<'a> {
    pub(crate) fn new(watch: &'a dyn Watch, bytes_total: Option<u64>, objects_total: Option<u64>) -> Self {
        Self { watch, bytes_total, objects_total, bytes: AtomicU64::new(0), objects: AtomicU64::new(0) }
    }

    pub(crate) fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn take_back(&self, count: u64) {
        self.bytes.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn objects(&self, count: u64) {
        self.objects.fetch_add(count, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        self.watch.progress(Progress {
            bytes_done: self.bytes.load(Ordering::Relaxed),
            bytes_total: self.bytes_total,
            objects_done: self.objects.load(Ordering::Relaxed),
            objects_total: self.objects_total,
        });
    }
}

/// What one task has counted; taken back unless it is [`kept`](Counted::keep).
pub(crate) struct Counted<'a> {
    tracker: &'a Tracker<'a>,
    bytes: u64,
}

impl<'a> Counted<'a> {
    pub(crate) fn new(tracker: &'a Tracker<'a>) -> Self {
        Self { tracker, bytes: 0 }
    }

    pub(crate) fn add(&mut self, count: usize) {
        let count = count as u64;
        self.bytes += count;
        self.tracker.bytes(count);
    }

    pub(crate) fn total(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn keep(mut self) -> u64 {
        self.tracker.objects(1);
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.tracker.take_back(self.bytes);
    }
}
