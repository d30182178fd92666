//! What was decided about plugins, and why: one line a decision, each bound to the one before.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skywright_contract::Digest;

use crate::error::Error;
use crate::files;

/// The longest line that is read back, in bytes. Records are cut to stay below it.
const MAX_LINE_BYTES: usize = 64 << 10;

/// What few lines exceed, in bytes.
const USUAL_LINE_BYTES: usize = 2 << 10;

/// What the first record has for a predecessor.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A log of decisions, as JSON lines. Each has the SHA-256 of the line before it as `prev`, so that a line
/// that is changed, taken out or put in between shows. That the newest lines are cut off does not show by
/// the log alone: keep its [`Verified::head`] elsewhere to notice that.
///
/// Lines are appended under a lock. A line that a kill cut short is taken away by the next append, which
/// says so in `torn_bytes`.
#[derive(Debug, Clone)]
pub struct AuditLog {
    path: PathBuf,
}

/// Where the time of a decision is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// This machine's clock.
    SystemClock,
    /// A record that the site's own repository signed.
    SiteRecord,
}

/// What came of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It went on.
    Allowed,
    /// It went on because somebody said yes to what is in `reasons`.
    Confirmed,
    /// It did not go on.
    Denied,
}

/// One decision. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// What was done or tried: `install`, `load`, `remove`, ….
    pub action: String,
    /// The plugin's id, or how it was named where it has none.
    pub plugin: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its path in the repository; for an unsigned plugin, its file.
    pub path: String,
    /// Of its component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The repository that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The versions of the roles that were relied on, such as `main timestamp 7`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_versions: Vec<String>,
    /// The ids of the keys that signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_ids: Vec<String>,
    /// The SHA-256 of the policy file; none if there is no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// When, in seconds since 1970.
    pub time_s: i64,
    /// By which clock.
    pub time_source: TimeSource,
    /// What came of it.
    pub outcome: Outcome,
    /// The rules that denied it, or that somebody said yes to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// A line of the file: a record, and its place in the chain.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    prev: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    torn_bytes: u64,
    #[serde(flatten)]
    record: AuditRecord,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What [`AuditLog::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many decisions there are.
    pub records: u64,
    /// The SHA-256 of the last line, in hexadecimal: what the next one will be bound to.
    pub head: String,
    /// How many bytes at the end are of a line that was cut short.
    pub torn_bytes: u64,
}

impl AuditLog {
    /// The log in this file, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record. It is handed to the system, and not waited for on the disk: a power cut may
    /// take the last few.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Busy`] if others append for seconds on end, [`Error::AuditLog`] if the
    /// end of the file is no log of ours.
    pub fn append(&self, record: &AuditRecord) -> Result<(), Error> {
        files::ensure_folder(skywright_files::folder_of(&self.path))?;
        let _held = files::hold(&self.lock_path(), Duration::from_secs(10))?;
        let failed = |error| Error::file("write", &self.path)(error);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(failed)?;
        let end = self.end_of(&mut file)?;
        let line = Line { prev: end.head, torn_bytes: end.torn_bytes, record: record.clone() };
        let mut text =
            serde_json::to_vec(&line).map_err(|error| self.damaged(0, &format!("no record: {error}")))?;
        if text.len() >= MAX_LINE_BYTES {
            return Err(self.damaged(0, "the record is longer than a line may be"));
        }
        text.push(b'\n');
        file.set_len(end.whole_bytes).map_err(failed)?;
        file.seek(SeekFrom::Start(end.whole_bytes)).map_err(failed)?;
        file.write_all(&text).map_err(failed)
    }

    /// Reads the whole log and holds every line against the one before.
    ///
    /// # Errors
    ///
    /// [`Error::AuditLog`] names the first line that is not what was written; [`Error::File`].
    pub fn verify(&self) -> Result<Verified, Error> {
        let mut head = BEGINNING.to_owned();
        let mut records = 0;
        let torn_bytes = self.read(|number, line, record| {
            if record.prev != head {
                return Err(self.damaged(number, "it does not follow the line before it"));
            }
            head = Digest::of(line).hex();
            records = number;
            Ok(())
        })?;
        Ok(Verified { records, head, torn_bytes })
    }

    /// The last `most` records, oldest first. The chain is not checked.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn last(&self, most: usize) -> Result<Vec<AuditRecord>, Error> {
        let mut records = std::collections::VecDeque::with_capacity(most.min(1024));
        self.read(|_, _, line| {
            if records.len() == most {
                records.pop_front();
            }
            records.push_back(line.record);
            Ok(())
        })?;
        records.truncate(most);
        Ok(records.into())
    }

    /// Hands every whole line to `each`, with its number; gives the bytes that are left.
    fn read(&self, mut each: impl FnMut(u64, &[u8], Line) -> Result<(), Error>) -> Result<u64, Error> {
        let mut rest = files::read_if_there(&self.path, 1 << 30)?.unwrap_or_default();
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let torn = rest.split_off(whole);
        for (number, line) in (1..).zip(rest.split_inclusive(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let parsed = serde_json::from_slice(line).map_err(|_| self.damaged(number, "it is no record"))?;
            each(number, line, parsed)?;
        }
        Ok(torn.len() as u64)
    }

    fn end_of(&self, file: &mut File) -> Result<End, Error> {
        let failed = |error| Error::file("read", &self.path)(error);
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        // A line and what may be left of another one behind it: what they usually have, or else may have.
        for most in [USUAL_LINE_BYTES, MAX_LINE_BYTES] {
            let from = length.saturating_sub(2 * most as u64);
            file.seek(SeekFrom::Start(from)).map_err(failed)?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail).map_err(failed)?;
            if let Some(end) = End::of(&tail, from) {
                return Ok(end);
            }
        }
        Err(self.damaged(0, "its end is no log"))
    }

    fn lock_path(&self) -> PathBuf {
        self.path.with_extension("lock")
    }

    fn damaged(&self, line: u64, reason: &str) -> Error {
        Error::AuditLog { path: self.path.clone(), line, reason: reason.to_owned() }
    }
}

/// How a log ends.
struct End {
    head: String,
    whole_bytes: u64,
    torn_bytes: u64,
}

impl End {
    /// By its last bytes, which begin `from` bytes behind its beginning; `None` if the last whole line begins before them.
    fn of(tail: &[u8], from: u64) -> Option<Self> {
        let newline = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
        let Some(last) = newline(tail) else {
            let empty = Self { head: BEGINNING.to_owned(), whole_bytes: 0, torn_bytes: tail.len() as u64 };
            return (from == 0).then_some(empty);
        };
        let start = match newline(&tail[..last]) {
            Some(before) => before + 1,
            None if from == 0 => 0,
            None => return None,
        };
        let head = Digest::of(&tail[start..last]).hex();
        Some(Self { head, whole_bytes: from + last as u64 + 1, torn_bytes: (tail.len() - last - 1) as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(plugin: &str) -> AuditRecord {
        AuditRecord {
            action: "load".to_owned(),
            plugin: plugin.to_owned(),
            version: Some("1.0.0".to_owned()),
            path: "plugins/acme/cloud/1.0.0/component.wasm".to_owned(),
            sha256: Some("ab".repeat(32)),
            repository: Some("main".to_owned()),
            role_versions: vec!["main timestamp 7".to_owned()],
            key_ids: vec!["cd".repeat(32)],
            policy: None,
            time_s: 1_795_000_000,
            time_source: TimeSource::SystemClock,
            outcome: Outcome::Allowed,
            reasons: Vec::new(),
        }
    }

    fn log() -> (tempfile::TempDir, AuditLog) {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path().join("audit.jsonl"));
        (folder, log)
    }

    fn fill(log: &AuditLog, names: &[&str]) {
        names.iter().for_each(|name| log.append(&record(name)).unwrap());
    }

    #[test]
    fn what_is_appended_is_read_back_and_follows() {
        let (_folder, log) = log();
        assert_eq!(log.verify().unwrap(), Verified { records: 0, head: BEGINNING.into(), torn_bytes: 0 });
        for name in ["a/a", "b/b", "c/c"] {
            log.append(&record(name)).unwrap();
        }
        assert_eq!(log.verify().unwrap().records, 3);
        let names: Vec<_> = log.last(2).unwrap().into_iter().map(|record| record.plugin).collect();
        assert_eq!(names, ["b/b", "c/c"]);
    }

    #[test]
    fn a_line_changed_taken_out_or_put_in_shows() {
        let (_folder, log) = log();
        fill(&log, &["a/a", "b/b", "c/c"]);
        let text = std::fs::read_to_string(log.path()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        let bad = |text: String, line: u64| {
            std::fs::write(log.path(), text).unwrap();
            match log.verify() {
                Err(Error::AuditLog { line: found, .. }) => assert_eq!(found, line),
                other => panic!("{other:?}"),
            }
        };
        bad(text.replace("b/b", "x/x"), 3);
        bad(format!("{}\n{}\n", lines[0], lines[2]), 2);
        bad(format!("{}\n{}\n{}\n", lines[0], lines[0], lines[1]), 2);
        bad(format!("{}\n{}\n", lines[1], lines[2]), 1);
        bad(format!("{}\nnonsense\n", lines[0]), 2);
    }

    #[test]
    fn a_line_cut_short_is_taken_away_and_told() {
        let (_folder, log) = log();
        fill(&log, &["a/a", "b/b"]);
        let text = std::fs::read(log.path()).unwrap();
        let first = text.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in [0, 1, first - 1, first, first + 1, text.len() - 1] {
            std::fs::write(log.path(), &text[..cut]).unwrap();
            let before = log.verify().unwrap();
            log.append(&record("c/c")).unwrap();
            let after = log.verify().unwrap();
            assert_eq!((after.records, after.torn_bytes), (before.records + 1, 0), "cut at {cut}");
            let told = std::fs::read_to_string(log.path()).unwrap().contains("torn_bytes");
            assert_eq!(told, before.torn_bytes > 0, "cut at {cut}");
        }
    }

    #[test]
    fn many_at_once_make_one_chain() {
        let (_folder, log) = log();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let log = &log;
                scope.spawn(move || {
                    for number in 0..25 {
                        log.append(&record(&format!("a/t{thread}-{number}"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(log.verify().unwrap().records, 100);
    }

    #[test]
    fn a_long_line_is_followed_too() {
        let (_folder, log) = log();
        for length in [10, 2 * USUAL_LINE_BYTES, MAX_LINE_BYTES - 1000, 10, 5 * USUAL_LINE_BYTES, 10, 10] {
            let long = AuditRecord { reasons: vec!["x".repeat(length)], ..record("a/a") };
            log.append(&long).unwrap();
        }
        assert_eq!(log.verify().unwrap().records, 7);
        assert_eq!(log.last(1).unwrap()[0].reasons[0].len(), 10);
    }

    #[test]
    fn what_is_no_log_is_left_alone() {
        let (_folder, log) = log();
        std::fs::write(log.path(), vec![b'x'; 4 * MAX_LINE_BYTES]).unwrap();
        assert!(matches!(log.append(&record("a/a")), Err(Error::AuditLog { .. })));
        assert_eq!(std::fs::metadata(log.path()).unwrap().len(), 4 * MAX_LINE_BYTES as u64);
    }
}
