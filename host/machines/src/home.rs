//! Where a home keeps its machines, and what its things are called on this machine.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::id::{DiskId, MachineId, NetworkId};

/// Where homes say that they have something on this machine. It goes with a restart, as that does.
const HOMES: &str = "/run/skywright/homes";

/// The homes that said where they are, by their tags.
pub(crate) fn announced() -> Vec<(String, PathBuf)> {
    let marks = fs::read_dir(HOMES).into_iter().flatten().flatten();
    let homes = marks.filter_map(|mark| {
        let folder = PathBuf::from(OsString::from_vec(fs::read(mark.path()).ok()?));
        Some((mark.file_name().into_string().ok()?, folder))
    });
    homes.collect()
}

/// The folders of one home, and its tag: six letters from the path of its state folder. Whatever it has on
/// this machine carries the tag, so that homes do not meet, and leftovers are known even when the state
/// is lost.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    state: PathBuf,
    cache: PathBuf,
    tag: String,
}

impl Home {
    /// Makes the folders if need be.
    pub(crate) fn new(state: &Path, cache: &Path) -> Result<Self, Error> {
        let folder = |path: &Path| {
            fs::create_dir_all(path).map_err(Error::file(path))?;
            fs::canonicalize(path).map_err(Error::file(path))
        };
        let (state, cache) = (folder(state)?, folder(cache)?);
        for path in [&state, &cache] {
            if path.to_str().is_none_or(|text| text.contains([':', ',', '\\', '"', '\n'])) {
                return Err(Error::invalid(
                    format!("the folder {}", path.display()),
                    "mounts cannot name it: it has a colon, comma, quote or backslash in it",
                ));
            }
        }
        let tag = tag(state.as_os_str().as_encoded_bytes());
        Ok(Self { state, cache, tag })
    }

    /// A home that is gone, by what is known of it: its tag, and where its state was. Nothing is made.
    pub(crate) fn gone(tag: &str, state: PathBuf) -> Self {
        Self { cache: state.join("cache"), state, tag: tag.to_owned() }
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Says on this machine where the home is, as long as it has something here: so that what it left is
    /// known for that when the home is gone.
    pub(crate) fn announce(&self) -> Result<(), Error> {
        let (folder, mark) = (Path::new(HOMES), Path::new(HOMES).join(&self.tag));
        if fs::read(&mark).is_ok_and(|text| text == self.state.as_os_str().as_encoded_bytes()) {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::file(folder))?;
        fs::write(&mark, self.state.as_os_str().as_encoded_bytes()).map_err(Error::file(mark))
    }

    /// Says no longer where it is.
    pub(crate) fn renounce(&self) {
        // What stays is known for what it is: the home is not gone.
        let _ = fs::remove_file(Path::new(HOMES).join(&self.tag));
        let _ = fs::remove_dir(HOMES);
        let _ = Path::new(HOMES).parent().map(fs::remove_dir);
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.state.join("state.json")
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.cache.join("images")
    }

    /// The folder of all machines; each has its own in it, by its id.
    pub(crate) fn machines(&self) -> PathBuf {
        self.state.join("machines")
    }

    pub(crate) fn machine(&self, id: MachineId) -> PathBuf {
        self.machines().join(id.to_string())
    }

    pub(crate) fn disks(&self) -> PathBuf {
        self.state.join("disks")
    }

    pub(crate) fn disk(&self, id: DiskId) -> PathBuf {
        self.disks().join(format!("{id}.img"))
    }

    /// The folder of all buckets; each is a folder in it, by its name.
    pub(crate) fn buckets(&self) -> PathBuf {
        self.state.join("buckets")
    }

    /// The network namespace that the public bridge is in, and what the names of the others begin with.
    pub(crate) fn public_namespace(&self) -> String {
        format!("sw-{}", self.tag)
    }

    pub(crate) fn network_namespace(&self, id: NetworkId) -> String {
        format!("sw-{}-{id}", self.tag)
    }

    pub(crate) fn machine_namespace(&self, id: MachineId) -> String {
        format!("sw-{}-{id}", self.tag)
    }

    /// The one link outside of namespaces. Names of links have at most 15 bytes.
    pub(crate) fn uplink(&self) -> String {
        format!("sw{}up", self.tag)
    }

    /// The one table of rules outside of namespaces.
    pub(crate) fn table(&self) -> String {
        format!("skywright_{}", self.tag)
    }

    pub(crate) fn cgroup(&self) -> String {
        format!("skywright-{}", self.tag)
    }

    /// Waits for the lock of this name, which ends with the process at the latest.
    pub(crate) fn lock(&self, name: &str) -> Result<Lock, Error> {
        lock(&self.locks()?.join(name), FlockOperation::LockExclusive)?
            .ok_or_else(|| Error::Internal(format!("the lock {name} was not waited for")))
    }

    /// The lock of this name, if nobody has it.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<Lock>, Error> {
        lock(&self.locks()?.join(name), FlockOperation::NonBlockingLockExclusive)
    }

    fn locks(&self) -> Result<PathBuf, Error> {
        let folder = self.state.join("locks");
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        Ok(folder)
    }
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock goes when the file is closed")] File);

/// Waits for the lock of this machine, for what homes share.
pub(crate) fn machine_lock() -> Result<Lock, Error> {
    let path = Path::new("/run/lock/skywright-machines.lock");
    lock(path, FlockOperation::LockExclusive)?
        .ok_or_else(|| Error::Internal("the machine's lock was not waited for".to_owned()))
}

/// The lock of any other file.
pub(crate) fn lock_file(path: &Path) -> Result<Lock, Error> {
    lock(path, FlockOperation::LockExclusive)?
        .ok_or_else(|| Error::Internal("a file's lock was not waited for".to_owned()))
}

fn lock(path: &Path, operation: FlockOperation) -> Result<Option<Lock>, Error> {
    let file = File::options().create(true).append(true).open(path).map_err(Error::file(path))?;
    loop {
        match rustix::fs::flock(&file, operation) {
            Ok(()) => return Ok(Some(Lock(file))),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(Error::file(path)(error.into())),
        }
    }
}

/// What tags are written with.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Whether a text may be a home's tag.
pub(crate) fn is_tag(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|letter| LETTERS.contains(&letter))
}

/// Six letters and digits from what is given, the same each time.
pub(crate) fn tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().take(6).map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernel_and_differ_between_homes() {
        let folder = tempfile::tempdir().unwrap();
        let home = |name: &str| Home::new(&folder.path().join(name), &folder.path().join("cache")).unwrap();
        let (one, two) = (home("one"), home("two"));
        assert!(one.uplink().len() <= 15);
        assert_ne!(one.tag(), two.tag());
        assert_eq!(one.tag(), home("one").tag());
        assert_ne!(one.network_namespace(NetworkId(1)), one.machine_namespace(MachineId(1)));
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(&folder.path().join("state"), &folder.path().join("cache")).unwrap();
        let held = home.lock("m1").unwrap();
        assert!(home.try_lock("m1").unwrap().is_none());
        assert!(home.try_lock("m2").unwrap().is_some());
        drop(held);
        assert!(home.try_lock("m1").unwrap().is_some());
    }

    #[test]
    fn a_folder_that_mounts_cannot_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Home::new(&folder.path().join("a:b"), &folder.path().join("cache")).is_err());
    }
}
