//! From a name to bytes that may run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;
use skywright_contract::{Digest, Package, PluginBytes, PluginId};

use super::ground::Ground;
use super::{Decided, Installed, Trust};
use crate::content_store;
use crate::error::Error;
use crate::files;
use crate::lock_file::{LockFile, LockedPlugin};
use crate::policy::{Facts, Origin, Stage};
use crate::sbom::MAX_SBOM_BYTES;
use crate::shelf::{Found, Shelf, read_plugin};

/// A plugin that may run.
#[derive(Debug)]
pub struct Loaded {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: Version,
    /// Of the bytes.
    pub digest: Digest,
    /// The whole component: exactly what was checked.
    pub bytes: PluginBytes,
    /// Where it was read from.
    pub path: PathBuf,
    /// Why it may run.
    pub trust: Trust,
    /// What people should know all the same. Parts of it may be foreign text.
    pub warnings: Vec<String>,
}

/// What a name turned out to mean.
enum Candidate {
    File(PathBuf),
    Pinned(PluginId),
}

impl Installed {
    /// Finds a plugin by path (beginning with `.` or `/`, or ending in `.wasm`), id or name, and checks that
    /// it may run now.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Ambiguous`]; [`Error::Refused`] with the rules that are against
    /// it; [`Error::Damaged`]; [`Error::NotVerified`] and its like if nothing is known of its repository; [`Error::Package`].
    pub fn load(&self, name: &str, now: Timestamp) -> Result<Loaded, Error> {
        let mut ground = Ground::read(&self.places)?;
        match self.candidate(name, ground.lock())? {
            Candidate::File(path) => self.load_file(&mut ground, read_plugin(&path)?, now),
            Candidate::Pinned(id) => match ground.lock().plugins.get(&id).cloned() {
                Some(plugin) => self.load_pinned(&mut ground, &id, &plugin, now),
                None => Err(self.not_found(name)),
            },
        }
    }

    /// What a plugin is made of, as CycloneDX in JSON: what was signed with it, or what lies beside its file.
    /// `None` if nobody wrote that.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Damaged`], [`Error::Oversize`].
    pub fn bill_of(&self, plugin: &Loaded) -> Result<Option<Vec<u8>>, Error> {
        if let Trust::Signed { .. } = plugin.trust {
            let lock = self.lock()?;
            let pinned = lock.plugins.get(&plugin.id).filter(|pinned| pinned.sha256 == plugin.digest);
            return pinned.map(|pinned| self.content_store().get(&pinned.sbom_sha256)).transpose();
        }
        files::read_if_there(&plugin.path.with_extension("cdx.json"), MAX_SBOM_BYTES)
    }

    /// Folders that were named come first, then development folders, then what is installed, then the
    /// drop-in folder. Two publishers' plugins of one name are ambiguous wherever they are.
    fn candidate(&self, name: &str, lock: &LockFile) -> Result<Candidate, Error> {
        if name.ends_with(".wasm") || name.starts_with(['.', '/']) {
            return Ok(Candidate::File(name.into()));
        }
        let development = self.development()?;
        let shelves = [
            (Shelf::new(self.folders.clone()), None),
            (Shelf::new(development.plugin_folders()), Some(lock)),
            (Shelf::new(self.drop_in.clone()), None),
        ];
        let mut found: Option<(PluginId, Candidate)> = None;
        let mut ids = BTreeSet::new();
        for (shelf, pinned_next) in shelves {
            match shelf.find_listed(name) {
                Ok((id, path)) => {
                    ids.insert(id.clone());
                    found = found.or(Some((id, Candidate::File(path))));
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            for (id, _) in pinned_next.into_iter().flat_map(|lock| lock.named(name)) {
                ids.insert(id.clone());
                found = found.or_else(|| Some((id.clone(), Candidate::Pinned(id.clone()))));
            }
        }
        match found {
            Some((_, candidate)) if ids.len() == 1 => Ok(candidate),
            Some(_) => Err(Error::Ambiguous {
                name: name.to_owned(),
                ids: ids.into_iter().map(|id| id.to_string()).collect(),
            }),
            None => Err(self.not_found(name)),
        }
    }

    fn not_found(&self, name: &str) -> Error {
        let folders = self.folders.iter().chain(&self.drop_in).cloned().collect();
        Error::NotFound { name: name.to_owned(), folders }
    }

    /// A plugin that the lock file pins.
    fn load_pinned(
        &self,
        ground: &mut Ground<'_>,
        id: &PluginId,
        plugin: &LockedPlugin,
        now: Timestamp,
    ) -> Result<Loaded, Error> {
        let found = match read_plugin(&self.content_store().path(&plugin.sha256)) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NotFetched { plugin: format!("{id} {}", plugin.version) });
            }
            other => other?,
        };
        Self::vouched(ground, id, plugin, found, now)
    }

    /// A file, wherever it lies: the very bytes may be pinned, or else nobody signed them.
    fn load_file(&self, ground: &mut Ground<'_>, found: Found, now: Timestamp) -> Result<Loaded, Error> {
        let digest = *found.bytes.digest();
        let pinned = ground.lock().plugins.iter().find(|(_, plugin)| plugin.sha256 == digest);
        if let Some((id, plugin)) = pinned.map(|(id, plugin)| (id.clone(), plugin.clone())) {
            return Self::vouched(ground, &id, &plugin, found, now);
        }
        let package = Package::of(&found.bytes)
            .map_err(|source| Error::Package { path: found.path.clone(), source })?;
        let manifest = package.manifest;
        let development = self.development()?;
        let (origin, trust) = match development.folder_of(&found.path)? {
            Some(folder) => {
                (Origin::Development { folder }, Trust::Development { folder: folder.to_owned() })
            }
            None => (Origin::Unsigned { allowed: self.allow_unsigned, file: &found.path }, Trust::Unsigned),
        };
        let decision = ground.policy.decide(&Facts {
            stage: Stage::Load,
            id: &manifest.id,
            version: &manifest.version,
            sha256: digest,
            capabilities: &manifest.capabilities,
            origin,
            before: None,
            revoked: None,
            yanked: None,
        });
        let mut decided = Decided::new("load", &manifest.id, &manifest.version, digest);
        decided.path = found.path.display().to_string();
        let mut warnings = Vec::new();
        ground.conclude(decision, decided, now, &mut warnings)?;
        if trust == Trust::Unsigned {
            warnings.push(format!("{} is unsigned; it runs because of --allow-unsigned", manifest.id));
        }
        let (id, version) = (manifest.id, manifest.version);
        Ok(Loaded { id, version, digest, bytes: found.bytes, path: found.path, trust, warnings })
    }

    /// Bytes that have to be those that the lock file pins and repositories vouch for.
    fn vouched(
        ground: &mut Ground<'_>,
        id: &PluginId,
        plugin: &LockedPlugin,
        found: Found,
        now: Timestamp,
    ) -> Result<Loaded, Error> {
        content_store::check(&found.path, *found.bytes.digest(), &plugin.sha256)?;
        let words = ground.words(id, plugin, now)?;
        let mut decided = Decided::new("load", id, &plugin.version, plugin.sha256);
        decided.path = plugin.path.to_string();
        decided.repository = Some(plugin.repository.clone());
        decided.role_versions = words.role_versions();
        decided.key_ids = words.main.authorised.signer_key_ids.clone();
        let mut warnings = Vec::new();
        ground.conclude(ground.decide_pinned(id, plugin, &words), decided, now, &mut warnings)?;
        let (authorised, version) = (&words.main.authorised, plugin.version.clone());
        if let Some(reason) = &authorised.yanked {
            warnings.push(format!("{id} {version} was taken back by its publisher: {reason}"));
        }
        if authorised.owner_key_ids != plugin.owner_key_ids {
            warnings.push(format!("the keys that answer for {id} are others than when it was installed"));
        }
        let trust = Trust::Signed { repository: plugin.repository.clone(), site: plugin.site.clone() };
        let (digest, id) = (plugin.sha256, id.clone());
        Ok(Loaded { id, version, digest, bytes: found.bytes, path: found.path, trust, warnings })
    }
}
