//! `sigstore-tuf` behind our own transport, store and errors. Nothing else knows it, but for canonical JSON.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, Repository, Snapshot};
use skywright_contract::Digest;

use super::outline;
use super::store::Store;
use super::transport::Transport;
use crate::error::Error;

/// What the library's transport and store share with us: it reports failures of both by words alone, or not at all.
#[derive(Default)]
pub(super) struct Shared {
    /// The first failure of ours below the library since it was last taken.
    failure: Option<Error>,
    /// What was remembered when the library was started.
    remembered: BTreeMap<String, Vec<u8>>,
    /// What the library verified and wants remembered.
    verified: BTreeMap<String, Vec<u8>>,
    /// The digests of delegated roles' files, by name without version, as the trusted snapshot has them.
    pins: BTreeMap<String, (u64, Digest)>,
}

#[derive(Clone)]
pub(super) struct Link {
    shared: Arc<Mutex<Shared>>,
    transport: Arc<dyn Transport>,
    store: Arc<Store>,
}

impl Link {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        store: Arc<Store>,
        remembered: BTreeMap<String, Vec<u8>>,
    ) -> Self {
        let shared = Shared { remembered, ..Shared::default() };
        Self { shared: Arc::new(Mutex::new(shared)), transport, store }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was verified since this was asked last.
    pub(super) fn take_verified(&self) -> BTreeMap<String, Vec<u8>> {
        std::mem::take(&mut self.shared().verified)
    }

    /// From here on, delegated roles that are remembered as the snapshot has them are not fetched.
    pub(super) fn pin(&self, snapshot: &Snapshot) {
        let pins = snapshot.meta.iter().filter_map(|(name, file)| {
            let digest = file.hashes.as_ref()?.get("sha256")?.parse().ok()?;
            Some((name.clone(), (file.version, digest)))
        });
        self.shared().pins = pins.collect();
    }

    /// What went wrong below the library if something did, or else what it says.
    pub(super) fn explain(&self, error: sigstore_tuf::Error) -> Error {
        self.shared().failure.take().unwrap_or_else(|| translate(error))
    }

    /// A metadata file: remembered, or fetched. For files that the library does not ask for.
    pub(super) async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        // Names come from metadata, and go into paths and URLs. No role of ours needs more than this.
        if !file.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.')) {
            let what = shown(file);
            return Err(Error::Metadata {
                what,
                reason: "a role has a name that is not followed".to_owned(),
            });
        }
        if let Some(bytes) = self.remembered_role(file) {
            return Ok(Some(bytes));
        }
        match self.transport.metadata(file, max_bytes).await? {
            Some(bytes) if bytes.len() as u64 > max_bytes => {
                Err(Error::Oversize { what: file.to_owned(), limit_bytes: max_bytes })
            }
            other => Ok(other),
        }
    }

    fn remembered_role(&self, file: &str) -> Option<Vec<u8>> {
        let (version, name) = file.split_once('.')?;
        let (pinned, digest) = *self.shared().pins.get(name)?;
        (version.parse() == Ok(pinned)).then(|| self.store.role(name, &digest))?
    }

    fn note(&self, error: Error) -> sigstore_tuf::Error {
        let words = error.to_string();
        self.shared().failure.get_or_insert(error);
        sigstore_tuf::Error::transport(words)
    }
}

impl Repository for Link {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            match self.metadata(name, max_length).await {
                // Only a root may be absent: that is how the chain ends.
                Ok(None) if !name.ends_with(".root.json") => {
                    let location = self.transport.location();
                    Err(self.note(Error::Missing { location, file: name.to_owned() }))
                }
                Ok(Some(bytes)) => match outline::check(name, &bytes) {
                    Ok(()) => Ok(Some(bytes)),
                    Err(error) => Err(self.note(error)),
                },
                Ok(None) => Ok(None),
                Err(error) => Err(self.note(error)),
            }
        })
    }

    /// The library never fetches files for us: see `Client::fetch`.
    fn fetch_target<'a>(&'a self, _path: &'a str, _max_length: u64) -> FetchFuture<'a> {
        Box::pin(async { Ok(None) })
    }
}

impl MetadataStore for Link {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        Ok(self.shared().remembered.get(name).cloned())
    }

    /// Never fails: what is verified is written down all at once, later, by who can still refuse.
    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        self.shared().verified.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

fn translate(error: sigstore_tuf::Error) -> Error {
    use sigstore_tuf::Error as Theirs;
    let metadata = |reason: String| Error::Metadata { what: "metadata".to_owned(), reason };
    match error {
        Theirs::Expired { role, expires } => Error::Expired { role, expires },
        Theirs::Rollback { role, trusted, new } => Error::Rollback { role, trusted, offered: new },
        Theirs::BadRootVersion { trusted, new } => {
            metadata(format!("root version {new} is offered as the one after {trusted}"))
        }
        Theirs::ThresholdNotMet { role, found, threshold } => Error::Signatures {
            role,
            reason: format!("{found} of those who may have signed it, and {threshold} have to"),
        },
        Theirs::DuplicateSignature { role, key_id } => {
            Error::Signatures { role, reason: format!("the key {} signed it twice", shown(&key_id)) }
        }
        Theirs::IntegrityMismatch(what) => {
            Error::Tampered { what: "metadata".to_owned(), reason: shown(&what) }
        }
        Theirs::NotRefreshed => Error::NotRefreshed,
        other => metadata(shown(&other.to_string())),
    }
}

/// Foreign text for people: short and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
