//! What is remembered of a repository between two runs.
//!
//! A folder: `state.json`, and the files that it names under `blobs/`, each by its digest. Blobs never change and
//! are on the disk before the state names them; the state is replaced at once. So whoever reads sees all of one
//! moment or all of another, and a kill or a full disk leaves what was there before. Under `roles/` are copies of
//! delegated roles, which the snapshot vouches for; without them they are fetched again.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skywright_contract::Digest;

use super::facts::HexDigest;
use super::target::Versions;
use crate::error::Error;
use crate::files;

/// The name that the root is kept under which was given by whoever added the repository.
const PINNED: &str = "pinned-root.json";
const STATE: &str = "state.json";
/// The longest state or blob that is read.
const MAX_BYTES: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a state is read anew whose blobs another process takes away meanwhile.
const ATTEMPTS: usize = 5;

/// What is remembered of one repository: its root of trust, the metadata that was verified last, how far its
/// versions have come, and the latest time at which it was fresh.
///
/// Several processes may use it at once. It fails closed: what cannot be read or written is an error.
#[derive(Debug)]
pub struct Store {
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Memory(Mutex<(State, BTreeMap<String, Vec<u8>>)>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    format: u32,
    files: BTreeMap<String, HexDigest>,
    pub floors: Versions,
    pub seen: Option<Timestamp>,
}

/// The whole of what is remembered, at one moment.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub state: State,
    pub pinned_root: Vec<u8>,
    /// By the library's names.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Store {
    /// A new one in a folder (made, mode 0700), trusting this root.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if there is one already; [`Error::File`].
    pub fn create(folder: &Path, root: &[u8]) -> Result<Self, Error> {
        files::ensure_folder(folder)?;
        let _held = files::hold(&folder.join("lock"), PATIENCE)?;
        let path = folder.join(STATE);
        if files::read_if_there(&path, MAX_BYTES)?.is_some() {
            return Err(Error::Changed { path });
        }
        let store = Self { place: Place::Folder(folder.to_owned()) };
        let digest = put_blob(folder, root)?;
        skywright_files::sync_folder(&folder.join("blobs"))?;
        files::replace(&path, &to_json(&new_state(digest)))?;
        Ok(store)
    }

    /// The one in this folder. Nothing is read yet.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        Self { place: Place::Folder(folder.to_owned()) }
    }

    /// One that is forgotten with the process, trusting this root: for looking at a repository with new eyes.
    #[must_use]
    pub fn in_memory(root: &[u8]) -> Self {
        let files = BTreeMap::from([(PINNED.to_owned(), root.to_vec())]);
        Self { place: Place::Memory(Mutex::new((new_state(Digest::of(root)), files))) }
    }

    /// The root that was given when it was made.
    ///
    /// # Errors
    ///
    /// [`Error::StoreDamaged`], [`Error::File`].
    pub fn pinned_root(&self) -> Result<Vec<u8>, Error> {
        self.load().map(|remembered| remembered.pinned_root)
    }

    pub(super) fn load(&self) -> Result<Remembered, Error> {
        match &self.place {
            Place::Memory(memory) => {
                let memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                let mut files = memory.1.clone();
                let pinned_root = files.remove(PINNED).unwrap_or_default();
                Ok(Remembered { state: memory.0.clone(), pinned_root, files })
            }
            Place::Folder(folder) => {
                let mut last = None;
                for _ in 0..ATTEMPTS {
                    let state = read_state(folder)?;
                    if last.as_ref() == Some(&state) {
                        break;
                    }
                    if let Some(remembered) = read_all(folder, &state)? {
                        return Ok(remembered);
                    }
                    last = Some(state);
                }
                Err(Error::StoreDamaged {
                    path: folder.join(STATE),
                    reason: "a file that it names is not there".to_owned(),
                })
            }
        }
    }

    /// A delegated role's file, if there is a copy with this digest. Anything else is as if there were none: the
    /// snapshot that names the digest is what guards it.
    pub(super) fn role(&self, name: &str, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = match &self.place {
            Place::Memory(memory) => {
                memory.lock().unwrap_or_else(PoisonError::into_inner).1.get(name).cloned()?
            }
            Place::Folder(folder) => {
                files::read_if_there(&folder.join("roles").join(name), MAX_BYTES).ok().flatten()?
            }
        };
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Keeps a copy of a delegated role's file.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub(super) fn keep_role(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match &self.place {
            Place::Memory(memory) => {
                let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.1.insert(name.to_owned(), bytes.to_vec());
                Ok(())
            }
            Place::Folder(folder) => {
                let folder = folder.join("roles");
                let path = folder.join(name);
                let failed = |source| Error::Store { action: "write", path: path.clone(), source };
                files::ensure_folder(&folder)?;
                // Not waiting for the disk: after a power cut it is only fetched again.
                let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
                file.write_all(bytes).map_err(failed)?;
                file.persist(&path).map(drop).map_err(|error| failed(error.error))
            }
        }
    }

    /// Remembers these files and marks beside what `before` has.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if another process has remembered something since `before` was loaded: load again and
    /// verify again. [`Error::Store`]: nothing was changed.
    pub(super) fn commit(
        &self,
        before: &State,
        files: &BTreeMap<String, Vec<u8>>,
        floors: Versions,
        seen: Option<Timestamp>,
    ) -> Result<State, Error> {
        let mut state = State { floors, seen: before.seen.max(seen), ..before.clone() };
        for (name, bytes) in files {
            state.files.insert(name.clone(), HexDigest(Digest::of(bytes)));
        }
        match &self.place {
            Place::Memory(memory) => {
                let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
                memory.1.extend(files.clone());
                memory.0 = state.clone();
            }
            Place::Folder(folder) => {
                write_all(folder, before, &state, files).map_err(|error| match error {
                    Error::File { action, path, source } => Error::Store { action, path, source },
                    other => other,
                })?;
            }
        }
        Ok(state)
    }
}

fn new_state(root: Digest) -> State {
    let files = BTreeMap::from([(PINNED.to_owned(), HexDigest(root))]);
    State { format: 1, files, floors: Versions::default(), seen: None }
}

fn write_all(
    folder: &Path,
    before: &State,
    state: &State,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), Error> {
    let _held = files::hold(&folder.join("lock"), PATIENCE)?;
    let path = folder.join(STATE);
    if read_state(folder)? != *before {
        return Err(Error::Changed { path });
    }
    let new = files.iter().filter(|(name, _)| before.files.get(*name) != state.files.get(*name));
    let new: BTreeMap<_, _> = new.map(|(_, bytes)| (Digest::of(bytes), bytes)).collect();
    for bytes in new.values() {
        put_blob(folder, bytes)?;
    }
    if !new.is_empty() {
        skywright_files::sync_folder(&folder.join("blobs"))?;
    }
    if before != state {
        files::replace(&path, &to_json(state))?;
    }
    let kept: Vec<_> = state.files.values().collect();
    for digest in before.files.values().filter(|digest| !kept.contains(digest)) {
        // What is left behind is a few kilobytes that nothing names.
        let _ = std::fs::remove_file(blob_path(folder, &digest.0));
    }
    Ok(())
}

fn read_state(folder: &Path) -> Result<State, Error> {
    let path = folder.join(STATE);
    let bytes = match files::read_if_there(&path, MAX_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(Error::StoreDamaged { path, reason: "it is not there".to_owned() }),
        Err(Error::File { action, path, source }) => return Err(Error::Store { action, path, source }),
        Err(other) => return Err(other),
    };
    match serde_json::from_slice::<State>(&bytes) {
        Ok(state) if state.format == 1 => Ok(state),
        Ok(state) => Err(Error::StoreDamaged {
            path,
            reason: format!("it has the format {}, and this release reads 1", state.format),
        }),
        Err(error) => Err(Error::StoreDamaged { path, reason: error.to_string() }),
    }
}

/// Every file; `None` if one of them went away.
fn read_all(folder: &Path, state: &State) -> Result<Option<Remembered>, Error> {
    let mut files = BTreeMap::new();
    for (name, digest) in &state.files {
        let path = blob_path(folder, &digest.0);
        let bytes = match files::read_if_there(&path, MAX_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(Error::File { action, path, source }) => return Err(Error::Store { action, path, source }),
            Err(other) => return Err(other),
        };
        if Digest::of(&bytes) != digest.0 {
            return Err(Error::StoreDamaged { path, reason: "its digest is another one".to_owned() });
        }
        files.insert(name.clone(), bytes);
    }
    let Some(pinned_root) = files.remove(PINNED) else {
        return Err(Error::StoreDamaged { path: folder.join(STATE), reason: "it names no root".to_owned() });
    };
    Ok(Some(Remembered { state: state.clone(), pinned_root, files }))
}

/// The folder has to be synchronised before anything names the blob.
fn put_blob(folder: &Path, bytes: &[u8]) -> Result<Digest, Error> {
    let digest = Digest::of(bytes);
    let path = blob_path(folder, &digest);
    // What lies there may be damaged; it is only kept if it is the same.
    match files::read_if_there(&path, MAX_BYTES) {
        Ok(Some(there)) if there == bytes => {}
        _ => {
            let file = files::written(&path, bytes)?;
            file.persist(&path).map_err(|error| Error::file("write", &path)(error.error))?;
        }
    }
    Ok(digest)
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs").join(digest.hex())
}

fn to_json(state: &State) -> Vec<u8> {
    // A map with text keys, numbers and times has no way to fail.
    serde_json::to_vec_pretty(state).unwrap_or_default()
}
