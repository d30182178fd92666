//! What running hosts is seen by on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

/// Everything of this machine that the hosts of a home might leave behind, one line each.
pub(crate) struct Traces {
    before: BTreeSet<String>,
    home: String,
    tag: String,
}

impl Traces {
    /// What there is before anything is made in this home.
    pub(crate) fn before(home: &Path) -> Self {
        let home = fs::canonicalize(home.parent().unwrap()).unwrap().join(home.file_name().unwrap());
        let state = home.join("state/machines");
        let digest = Sha256::digest(state.as_os_str().as_encoded_bytes());
        let letters = b"abcdefghijklmnopqrstuvwxyz234567";
        let tag = digest.iter().take(6).map(|byte| char::from(letters[usize::from(byte % 32)])).collect();
        Self { before: now(), home: home.to_str().unwrap().to_owned(), tag }
    }

    /// What names on this machine carry that are of the home.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// What is there now and was not before. Other homes on this machine come and go meanwhile.
    pub(crate) fn new_ones(&self) -> Vec<String> {
        let ours = |line: &str| line.contains(&self.home) || line.contains(&self.tag);
        let of_a_home = |line: &str| {
            let mut words = line.split([' ', '/', '@', '=', ':']);
            line.contains("/machines/")
                || words.any(|word| word.starts_with("sw") || word.starts_with("skywright"))
        };
        let new = now().into_iter().filter(|line| !self.before.contains(line));
        new.filter(|line| ours(line) || !of_a_home(line)).collect()
    }

    /// Nothing is there that was not, and nothing of what was there is another.
    #[track_caller]
    pub(crate) fn assert_none_new(&self) {
        // What was ended may take a moment to be gone.
        for _ in 0..50 {
            if self.new_ones().is_empty() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        let new = self.new_ones();
        assert!(new.is_empty(), "left behind: {new:#?}");
    }
}

fn now() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    lines.extend(mounts.lines().map(|line| format!("mount {line}")));
    for command in [
        &["ip", "-brief", "link"][..],
        &["ip", "netns"],
        &["ip", "route"],
        &["nft", "list", "tables"],
        &["losetup", "--list", "--noheadings"],
    ] {
        let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        lines.extend(text.lines().map(|line| format!("{} {line}", command.join(" "))));
    }
    nodes(Path::new("/dev"), &mut lines);
    folders(Path::new("/sys/fs/cgroup"), 4, &mut lines);
    folders(Path::new("/run/skywright"), 2, &mut lines);
    processes(&mut lines);
    lines
}

/// Device nodes with their modes. Terminals come and go with whoever works here.
fn nodes(folder: &Path, lines: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(metadata) = entry.metadata() else { continue };
        // The kernel makes nodes of loop devices, and leaves them.
        let is_loop = entry.file_name().to_string_lossy().starts_with("loop");
        if is_loop || path.starts_with("/dev/pts") || path.starts_with("/dev/shm") {
            continue;
        }
        if metadata.is_dir() {
            nodes(&path, lines);
        } else {
            let mode = metadata.permissions().mode();
            lines.insert(format!("node {} {mode:o} {} {}", path.display(), metadata.uid(), metadata.rdev()));
        }
    }
}

fn folders(folder: &Path, depth: usize, lines: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            lines.insert(format!("folder {}", entry.path().display()));
            folders(&entry.path(), depth - 1, lines);
        }
    }
}

/// Of what hosts are made by. Others that start and end meanwhile are not ours.
fn processes(lines: &mut BTreeSet<String>) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(words) = fs::read(entry.path().join("cmdline")) else { continue };
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        if words.contains("systemd-nspawn") || words.contains("sw-") && words.contains("machines") {
            lines.insert(format!("process {} {words}", entry.file_name().to_string_lossy()));
        }
    }
}
