//! Bringing a bundle in.
//!
//! A folder remembers what was brought in last: `current.json`, and the state that it names under `states/`, with
//! both repositories' metadata and what is remembered of them. A new state is made beside the old one and
//! becomes the current one at once, when everything is verified and every blob is in the content store. So
//! whatever stops it half-way leaves the last state and its floors; what was left lying is cleared by the next.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use skywright_contract::Digest;

use super::Side;
use super::contents::Bundle;
use super::judge::{Policy, SiteWord, Trust, Verified, verify};
use super::problem::BundleProblem;
use crate::content_store::ContentStore;
use crate::error::Error;
use crate::files;
use crate::tuf::{Store, TargetPath, Transport, Versions};

/// What names the state that counts.
const CURRENT: &str = "current.json";
/// The largest file of a state that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// How long another process is waited for that brings something in.
const PATIENCE: Duration = Duration::from_secs(30);
/// How far the clock may step back between two bundles.
const CLOCK_STEP: SignedDuration = SignedDuration::from_mins(5);

/// The roots of trust of a place without a network: got another way than the bundles.
#[derive(Debug, Clone, Copy)]
pub struct Roots<'a> {
    /// A root file of the repository that the plugins are from.
    pub upstream: &'a [u8],
    /// One of the site's own; `None` if the publisher's word is enough.
    pub site: Option<&'a [u8]>,
}

/// What was brought in last, in a folder.
#[derive(Debug, Clone)]
pub struct Loaded {
    folder: PathBuf,
    content: ContentStore,
}

/// What is known of the last bundle that was brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    format: u32,
    state: String,
    /// The bundle's id.
    pub bundle: String,
    /// When it was brought in.
    pub loaded: Timestamp,
    /// The moment as of which the publisher's metadata is judged.
    pub as_of: Timestamp,
    /// The versions of the publisher's repository.
    pub upstream: Versions,
    /// What the site's repository says; `None` if the publisher's word was enough.
    pub site: Option<SiteWord>,
    /// The manifests of what else was brought in, by name.
    pub artifacts: BTreeMap<String, String>,
}

impl Loaded {
    /// In this folder, which need not be there yet, with blobs in this store.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, content: ContentStore) -> Self {
        Self { folder: folder.into(), content }
    }

    /// What was brought in last; `None` if nothing was.
    ///
    /// # Errors
    ///
    /// [`Error::StoreDamaged`], [`Error::File`].
    pub fn current(&self) -> Result<Option<Current>, Error> {
        let path = self.folder.join(CURRENT);
        let Some(bytes) = files::read_if_there(&path, MAX_BYTES)? else { return Ok(None) };
        let damaged = |reason: String| Error::StoreDamaged { path: path.clone(), reason };
        let current: Current = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        let is_name = current.state.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        if current.format != 1 || !is_name {
            return Err(damaged("another release wrote it".to_owned()));
        }
        Ok(Some(current))
    }

    /// One of the two repositories as it was brought in last: its metadata, and its files out of the content
    /// store. `None` if there is none.
    ///
    /// # Errors
    ///
    /// As for [`current`](Self::current).
    pub fn repository(&self, side: Side) -> Result<Option<Arc<dyn Transport>>, Error> {
        let Some(current) = self.current()? else { return Ok(None) };
        if side == Side::Site && current.site.is_none() {
            return Ok(None);
        }
        let folder = self.state(&current.state).join(side.to_string());
        Ok(Some(Arc::new(Mirror { folder, content: self.content.clone() })))
    }

    /// Verifies a bundle and brings it in: every blob into the content store, and both repositories' metadata in
    /// the place of what was there. All of it or nothing.
    ///
    /// The first time it trusts `roots`; afterwards it remembers them, and refuses others.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](super::verify); [`Error::ClockSetBack`] if something was brought in later than
    /// `now`; [`BundleProblem::NoRoom`]; [`Error::Busy`] if another process brings something in; [`Error::File`].
    /// What was brought in before is still there.
    pub async fn load(
        &self,
        bundle: &Bundle,
        roots: Roots<'_>,
        policy: Policy,
        now: Timestamp,
    ) -> Result<Verified, Error> {
        let _held = files::hold(&self.folder.join("lock"), PATIENCE)?;
        let current = self.current()?;
        if let Some(seen) = current.as_ref().map(|current| current.loaded)
            && now.saturating_add(CLOCK_STEP).is_ok_and(|now| now < seen)
        {
            return Err(Error::ClockSetBack { now, seen });
        }
        self.clear(current.as_ref());
        let state = self.new_state()?;
        let trust = self.trust(current.as_ref(), state.path(), roots, policy)?;
        let verified = verify(bundle, trust, Some(&self.content), now).await?;
        self.take_blobs(bundle)?;
        for side in [Side::Upstream, Side::Site] {
            let folder = state.path().join(side.to_string()).join("metadata");
            for (name, bytes) in bundle.metadata(side)? {
                files::replace(&folder.join(name), &bytes)?;
            }
        }
        self.commit(state, &verified, now)?;
        Ok(verified)
    }

    fn state(&self, name: &str) -> PathBuf {
        self.folder.join("states").join(name)
    }

    fn new_state(&self) -> Result<tempfile::TempDir, Error> {
        let states = self.folder.join("states");
        files::ensure_folder(&states)?;
        let made = tempfile::Builder::new().prefix("state-").tempdir_in(&states);
        made.map_err(Error::file("create a folder in", &states))
    }

    /// Takes away what an earlier attempt left lying. Failing to is no reason against the next.
    fn clear(&self, current: Option<&Current>) {
        for entry in fs::read_dir(self.folder.join("states")).into_iter().flatten().flatten() {
            if current.is_none_or(|current| entry.file_name().to_str() != Some(&current.state)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let quarantines = fs::read_dir(self.quarantines()).into_iter().flatten().flatten();
        for entry in quarantines {
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// The repositories' stores of the new state: copies of the last one's, so that what the new bundle shows is
    /// remembered only if it is taken.
    fn trust(
        &self,
        current: Option<&Current>,
        state: &Path,
        roots: Roots<'_>,
        policy: Policy,
    ) -> Result<Trust, Error> {
        let store = |side: Side, root: &[u8]| -> Result<Store, Error> {
            let to = state.join(side.to_string()).join("store");
            let from = current.map(|it| self.state(&it.state).join(side.to_string()).join("store"));
            match from.filter(|from| from.exists()) {
                None => Store::create(&to, root),
                Some(from) => {
                    copy_folder(&from, &to)?;
                    let store = Store::open(&to);
                    if store.pinned_root()? == root {
                        return Ok(store);
                    }
                    let reason = format!("the {side} repository was brought in with another root before");
                    Err(Error::StoreDamaged { path: from, reason })
                }
            }
        };
        let upstream = store(Side::Upstream, roots.upstream)?;
        let site = roots.site.map(|root| store(Side::Site, root)).transpose()?;
        Ok(Trust { upstream, site, policy })
    }

    fn quarantines(&self) -> PathBuf {
        let any = self.content.path(&Digest::of(b""));
        skywright_files::folder_of(skywright_files::folder_of(&any)).join("quarantine")
    }

    /// Copies every blob out of the bundle, checks it on the way, and puts it in its place when all are whole.
    fn take_blobs(&self, bundle: &Bundle) -> Result<(), Error> {
        let wanted: Vec<_> = bundle
            .named_blobs()
            .into_iter()
            .filter(|(digest, _)| bundle.holds(digest) && !self.has(digest))
            .collect();
        let quarantines = self.quarantines();
        files::ensure_folder(&quarantines)?;
        check_room(bundle, &quarantines, wanted.iter().map(|(_, length)| length).sum())?;
        let quarantine = tempfile::Builder::new()
            .prefix("bundle-")
            .tempdir_in(&quarantines)
            .map_err(Error::file("create a folder in", &quarantines))?;
        for (digest, _) in &wanted {
            copy_blob(bundle, digest, &quarantine.path().join(digest.hex()))?;
        }
        for (digest, _) in &wanted {
            let to = self.content.path(digest);
            files::ensure_folder(skywright_files::folder_of(&to))?;
            fs::rename(quarantine.path().join(digest.hex()), &to).map_err(Error::file("write", &to))?;
        }
        if let Some((digest, _)) = wanted.first() {
            let path = self.content.path(digest);
            let folder = skywright_files::folder_of(&path);
            File::open(folder).and_then(|it| it.sync_all()).map_err(Error::file("write", folder))?;
        }
        Ok(())
    }

    /// Whether the store has the blob, with the right bytes.
    fn has(&self, digest: &Digest) -> bool {
        let file = File::open(self.content.path(digest)).ok();
        file.and_then(|mut file| super::archive::digest_of(&mut file).ok())
            .is_some_and(|(found, _)| found == *digest)
    }

    fn commit(&self, state: tempfile::TempDir, verified: &Verified, now: Timestamp) -> Result<(), Error> {
        let name = state.path().file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let current = Current {
            format: 1,
            state: name,
            bundle: verified.id.to_string(),
            loaded: now,
            as_of: verified.as_of,
            upstream: verified.upstream,
            site: verified.site.clone(),
            artifacts: verified
                .artifacts
                .iter()
                .map(|(name, digest)| (name.clone(), digest.to_string()))
                .collect(),
        };
        let bytes = serde_json::to_vec_pretty(&current)
            .map_err(|error| Error::Encode { what: "what was brought in", reason: error.to_string() })?;
        files::replace(&self.folder.join(CURRENT), &bytes)?;
        // From here on it is not temporary any more.
        let _ = state.keep();
        self.clear(Some(&current));
        Ok(())
    }
}

fn check_room(bundle: &Bundle, folder: &Path, needed_bytes: u64) -> Result<(), Error> {
    let system = rustix::fs::statvfs(folder).map_err(|error| Error::file("look at", folder)(error.into()))?;
    let free_bytes = system.f_bavail.saturating_mul(system.f_frsize);
    if needed_bytes > free_bytes {
        return Err(bundle.problem(BundleProblem::NoRoom { needed_bytes, free_bytes }));
    }
    Ok(())
}

/// Into a file of its own, checked on the way and on the disk.
fn copy_blob(bundle: &Bundle, digest: &Digest, to: &Path) -> Result<(), Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = Error::file("write", to);
    let made = File::options().write(true).create_new(true).mode(0o600).open(to);
    let mut file = made.map_err(&failed)?;
    let (mut from, mut hash, mut buffer) = (bundle.reader(digest)?, Sha256::new(), vec![0; 256 << 10]);
    loop {
        let read = from.read(&mut buffer).map_err(Error::file("read", bundle.path()))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(&failed)?;
    }
    file.sync_all().map_err(&failed)?;
    if Digest::from(<[u8; 32]>::from(hash.finalize())) == *digest {
        return Ok(());
    }
    Err(bundle.problem(BundleProblem::Digest { digest: *digest }))
}

/// Plain files alone: it is a folder of our own.
fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    files::ensure_folder(to)?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let entry = entry.map_err(Error::file("read", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(Error::file("read", &path))?;
        if kind.is_dir() {
            copy_folder(&path, &target)?;
        } else if kind.is_file()
            && let Some(bytes) = files::read_if_there(&path, MAX_BYTES)?
        {
            files::replace(&target, &bytes)?;
        }
    }
    Ok(())
}

/// A repository as it was brought in.
struct Mirror {
    folder: PathBuf,
    content: ContentStore,
}

#[async_trait]
impl Transport for Mirror {
    fn location(&self) -> String {
        format!("the bundle in {}", self.folder.display())
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        let path = self.folder.join("metadata").join(file);
        capped(files::read_if_there(&path, max_bytes), file, max_bytes)
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        capped(files::read_if_there(&self.content.path(digest), max_bytes), path.as_str(), max_bytes)
    }
}

fn capped(
    read: Result<Option<Vec<u8>>, Error>,
    what: &str,
    limit_bytes: u64,
) -> Result<Option<Vec<u8>>, Error> {
    match read {
        Err(Error::TooLarge { .. }) => Err(Error::Oversize { what: what.to_owned(), limit_bytes }),
        other => other,
    }
}
