//! What people see of moving bytes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use skywright_core::objects::{Progress, Skipped, Watch};
use skywright_core::{Report, Step};

use crate::error::Error;
use crate::site::Site;

/// A note is not written more often.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells of progress, now and then.
pub(crate) struct Moving<'a> {
    report: &'a dyn Report,
    title: String,
    told: Mutex<Instant>,
}

impl<'a> Moving<'a> {
    pub(crate) fn new(report: &'a dyn Report, title: String) -> Self {
        Self { report, title, told: Mutex::new(Instant::now()) }
    }

    /// It is over.
    pub(crate) fn done(&self) {
        self.report.step(&Step::new(&self.title, "done"));
    }
}

impl Watch for Moving<'_> {
    fn progress(&self, progress: Progress) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() < PAUSE {
            return;
        }
        *told = Instant::now();
        self.report.step(&Step::new(&self.title, &note(&progress)));
    }
}

fn note(progress: &Progress) -> String {
    let bytes = match progress.bytes_total {
        Some(total) => format!("{} of {}", size_text(progress.bytes_done), size_text(total)),
        None => size_text(progress.bytes_done),
    };
    match progress.objects_total {
        Some(1) => bytes,
        Some(total) => format!("{bytes}, {} of {total} objects", progress.objects_done),
        None => format!("{bytes}, {} objects", progress.objects_done),
    }
}

/// A size for people, with one digit behind the point.
#[expect(clippy::cast_precision_loss, reason = "it is for people")]
pub(crate) fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// Says what was left out.
pub(crate) fn skipped(report: &dyn Report, skipped: &[Skipped]) {
    for left_out in skipped {
        report.notice(&format!("left out `{}`: {}", left_out.name, left_out.reason));
    }
}

/// Work that Ctrl-C and SIGTERM end. What was moved until then stays; half an object never does.
pub(crate) async fn until_stopped<T>(
    site: &Site<'_>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Start)?;
    let outcome = tokio::select! {
        outcome = work => outcome,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
        _ = terminate.recv() => Err(Error::Interrupted),
    };
    if outcome.is_err() {
        site.clear();
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
    }

    #[test]
    fn notes() {
        let progress =
            Progress { bytes_done: 2048, bytes_total: Some(4096), objects_done: 1, objects_total: Some(3) };
        assert_eq!(note(&progress), "2.0 KiB of 4.0 KiB, 1 of 3 objects");
        assert_eq!(note(&Progress { objects_total: Some(1), ..progress }), "2.0 KiB of 4.0 KiB");
        let unknown = Progress { bytes_total: None, objects_total: None, ..progress };
        assert_eq!(note(&unknown), "2.0 KiB, 1 objects");
    }
}
