//! Making a bundle where there is a network.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;
use skywright_contract::{Digest, Package, PluginId};
use skywright_files::folder_of;

use super::contents::{Bundle, is_free_name};
use super::writer::Writer;
use super::{ArtifactKind, Side};
use crate::error::Error;
use crate::sbom::Sbom;
use crate::tuf::{Namespace, Target, TargetPath, Verifier, Versions};

/// What is to be in a bundle.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The plugins, each in one version, with whatever was published with them.
    pub plugins: Vec<(PluginId, Version)>,
    /// What is there already where the bundle goes.
    pub since: Option<Since>,
    /// What else goes along, such as images that a feature installs: a name, and the folder of an image layout
    /// with it, as `skopeo copy … oci:FOLDER` writes one.
    pub artifacts: Vec<(String, PathBuf)>,
}

/// What is there already: blobs that a bundle leaves out.
#[derive(Debug, Clone)]
pub struct Since {
    id: Digest,
    known: BTreeSet<Digest>,
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// The bundle's id: the digest of its index.
    pub id: Digest,
    /// The versions of the repository that it is from.
    pub versions: Versions,
    /// What it names.
    pub files: Vec<SavedFile>,
}

/// A file that a bundle names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SavedFile {
    /// Its path in the repository.
    pub path: TargetPath,
    /// Of its bytes.
    pub digest: Digest,
    /// Of its bytes.
    pub length_bytes: u64,
    /// Whether its bytes were left out.
    pub is_left_out: bool,
}

impl Since {
    /// Everything that another bundle names: it was complete, or left out what was there before it.
    #[must_use]
    pub fn bundle(previous: &Bundle) -> Self {
        let plugins = previous.artifacts().iter().filter(|a| !matches!(a.kind, ArtifactKind::Metadata(_)));
        let known = plugins.flat_map(|artifact| artifact.blobs.keys().copied()).collect();
        Self { id: previous.id(), known }
    }

    /// These digests, such as those that a lock file pins.
    #[must_use]
    pub fn digests(known: BTreeSet<Digest>) -> Self {
        let text: String = known.iter().map(|digest| format!("{digest}\n")).collect();
        Self { id: Digest::of(text.as_bytes()), known }
    }
}

/// Writes a bundle of the selection to `out`, replacing a file that is there. It takes what the repository says
/// at `now`, fetches every file and checks it. Metadata, manifests and the repository's own files are always
/// complete. The same selection of the same state of the repository gives the same bytes.
///
/// Files are held one at a time in memory and laid down beside `out` meanwhile.
///
/// # Errors
///
/// Those of the repository; [`Error::NotListed`] for a plugin that it has not; [`Error::Sbom`] for one without
/// a bill of materials; [`Error::Package`] for a component that is none; [`Error::Metadata`] for an artifact that is
/// none; [`Error::File`].
pub async fn save(
    repository: &mut dyn Verifier,
    selection: &Selection,
    now: Timestamp,
    out: &Path,
) -> Result<Saved, Error> {
    let versions = repository.refresh(now).await?;
    let folder = folder_of(out);
    let staging = tempfile::Builder::new()
        .prefix(".skywright-")
        .tempdir_in(folder)
        .map_err(Error::file("create a folder in", folder))?;
    let mut stage = Stage { repository, selection, now, staging: staging.path(), saved: Vec::new() };
    let mut writer = Writer::default();
    writer.build_on(selection.since.as_ref().map(|since| since.id));
    let mut namespaces = BTreeSet::new();
    for (id, version) in &selection.plugins {
        namespaces.insert(Namespace::of(id)?);
        stage.plugin(id, version, &mut writer).await?;
    }
    stage.registry(&mut writer).await?;
    let files = stage.saved;
    let nothing = BTreeSet::new();
    let known = selection.since.as_ref().map_or(&nothing, |since| &since.known);
    for (name, folder) in &selection.artifacts {
        if !is_free_name(name) {
            let reason = "an artifact beside the plugins cannot have this name".to_owned();
            return Err(Error::Metadata { what: name.clone(), reason });
        }
        writer.layout(name, folder, known)?;
    }
    let namespaces: Vec<_> = namespaces.into_iter().collect();
    writer.metadata(Side::Upstream, repository.metadata(&namespaces, now).await?)?;
    Ok(Saved { id: writer.write(out)?, versions, files })
}

struct Stage<'a> {
    repository: &'a mut dyn Verifier,
    selection: &'a Selection,
    now: Timestamp,
    staging: &'a Path,
    saved: Vec<SavedFile>,
}

impl Stage<'_> {
    async fn plugin(
        &mut self,
        id: &PluginId,
        version: &Version,
        writer: &mut Writer<'_>,
    ) -> Result<(), Error> {
        let component = TargetPath::of(id, version, "component.wasm")?;
        // Beyond what a listing says: a role may list what it is not trusted for.
        let target = self.repository.resolve(&component, self.now).await?;
        let sbom = target.facts()?.sbom.0;
        let Some(of) = component.plugin() else { return Err(not_listed(&component)) };
        let bytes = self.repository.fetch(&target).await?;
        let package = Package::read(&bytes)
            .map_err(|source| Error::Package { path: component.as_str().into(), source })?;
        let (mut files, mut has_sbom) = (vec![self.lay_down(target, &bytes)?], false);
        for listed in self.repository.list(&of.namespace, self.now).await? {
            let is_of_it =
                listed.path.plugin().is_some_and(|file| file.id == *id && file.version == *version);
            if !is_of_it || listed.path == component {
                continue;
            }
            let target = self.repository.resolve(&listed.path, self.now).await?;
            let bytes = self.repository.fetch(&target).await?;
            if target.digest == sbom {
                Sbom::read(target.path.as_str(), &bytes)?;
                has_sbom = true;
            }
            files.push(self.lay_down(target, &bytes)?);
        }
        if !has_sbom {
            let reason = "the repository lists none of the digest that the publisher names".to_owned();
            return Err(Error::Sbom { what: format!("that of {id} {version}"), reason });
        }
        writer.plugin(&of, &package, &files)
    }

    /// The repository's own files. They are small, and always complete.
    async fn registry(&mut self, writer: &mut Writer<'_>) -> Result<(), Error> {
        match self.repository.resolve(&TargetPath::revocations(), self.now).await {
            Ok(target) => {
                let bytes = self.repository.fetch(&target).await?;
                let path = self.write(&target, &bytes)?;
                self.note(&target, false);
                writer.registry(&[(target, Some(path))])
            }
            Err(Error::NotListed { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn lay_down(&mut self, target: Target, bytes: &[u8]) -> Result<(Target, Option<PathBuf>), Error> {
        let since = self.selection.since.as_ref();
        let is_left_out = since.is_some_and(|since| since.known.contains(&target.digest));
        let path = if is_left_out { None } else { Some(self.write(&target, bytes)?) };
        self.note(&target, is_left_out);
        Ok((target, path))
    }

    fn write(&self, target: &Target, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.staging.join(target.digest.hex());
        std::fs::write(&path, bytes).map_err(Error::file("write", &path))?;
        Ok(path)
    }

    fn note(&mut self, target: &Target, is_left_out: bool) {
        let (path, digest, length_bytes) = (target.path.clone(), target.digest, target.length_bytes);
        self.saved.push(SavedFile { path, digest, length_bytes, is_left_out });
    }
}

fn not_listed(path: &TargetPath) -> Error {
    Error::NotListed { what: path.to_string() }
}
