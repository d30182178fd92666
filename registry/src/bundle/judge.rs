//! Whether what a bundle holds may be taken: by whose word, and as of when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use skywright_contract::Digest;

use super::archive::digest_of;
use super::contents::Bundle;
use super::problem::BundleProblem;
use super::record::Vetting;
use super::{ArtifactKind, Side};
use crate::content_store::ContentStore;
use crate::error::Error;
use crate::tuf::{Client, HexDigest, Layout, Memory, Store, Target, TargetPath, Verifier, Versions};

/// How far a clock may be behind the one that a record was signed by.
const CLOCK_STEP: SignedDuration = SignedDuration::from_mins(5);

/// By whose word a bundle is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The publisher's and the site's. The publisher's metadata is judged as of the vetting, by the time that
    /// the site signed; the site's at the time that is given.
    Vetted,
    /// The publisher's alone, for a site without a key: its metadata may have ended so long ago.
    UpstreamOnly {
        /// Since the end of the signed timestamp.
        max_staleness: SignedDuration,
    },
}

/// What is remembered of the two repositories: their roots of trust, and what was seen of them last.
#[derive(Debug)]
pub struct Trust {
    /// Of the repository that the plugins are from.
    pub upstream: Store,
    /// Of the site's own; needed for [`Policy::Vetted`].
    pub site: Option<Store>,
    /// Whose word it takes.
    pub policy: Policy,
}

/// What was found good in a bundle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// The bundle's id.
    pub id: Digest,
    /// The moment as of which the publisher's metadata was judged.
    pub as_of: Timestamp,
    /// The versions of the publisher's repository.
    pub upstream: Versions,
    /// The versions of the site's, and when it ends; `None` if the publisher's word was enough.
    pub site: Option<SiteWord>,
    /// The files that may be taken, by path.
    pub files: Vec<VerifiedFile>,
    /// The manifests of what else the site signed for, by name.
    pub artifacts: BTreeMap<String, Digest>,
}

/// What the site's repository says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteWord {
    /// Its versions.
    pub versions: Versions,
    /// When it has to be renewed at the latest.
    pub expires: Timestamp,
}

/// A file that may be taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiedFile {
    /// What the publisher signed.
    pub upstream: Target,
    /// What the site signed of its vetting.
    pub vetting: Option<Vetting>,
    /// Whether its bytes are in the bundle; if not, they are here already.
    pub is_in_bundle: bool,
}

/// Verifies all of a bundle, and takes nothing. `known` is where blobs are that the bundle leaves out.
///
/// What `trust` remembers moves on, as it does whenever a repository is looked at.
///
/// # Errors
///
/// [`Error::Bundle`] with what is wrong; whatever keeps one of the repositories from being trusted, as for
/// [`Verifier::refresh`]. One unvetted or differing file and none of the bundle is taken.
pub async fn verify(
    bundle: &Bundle,
    trust: Trust,
    known: Option<&ContentStore>,
    now: Timestamp,
) -> Result<Verified, Error> {
    let metadata = bundle.metadata(Side::Upstream)?;
    match trust.policy {
        Policy::Vetted => {
            let Some(store) = trust.site else { return Err(bundle.problem(BundleProblem::NotVetted)) };
            let site = Site::read(bundle, store, now).await?;
            let mut upstream = upstream(trust.upstream, metadata.clone());
            let versions = upstream.refresh(site.as_of).await?;
            site.check_record(bundle, versions, &metadata)?;
            let files = files(bundle, &mut upstream, site.as_of, Some(&site), known).await?;
            let artifacts = others(bundle, &site.artifacts)?;
            let (as_of, site) = (site.as_of, Some(site.word));
            Ok(Verified { id: bundle.id(), as_of, upstream: versions, site, files, artifacts })
        }
        Policy::UpstreamOnly { max_staleness } => {
            let ended = timestamp_end(bundle, &metadata)?;
            if ended.saturating_add(max_staleness).is_ok_and(|limit| now > limit) {
                let limit = format!("{max_staleness:#}");
                return Err(bundle.problem(BundleProblem::Stale { expires: ended, limit }));
            }
            // The last moment at which it was fresh. What is not signed here is held against what is below.
            let as_of = now.min(ended.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(now));
            let mut upstream = upstream(trust.upstream, metadata);
            let versions = upstream.refresh(as_of).await?;
            if upstream.expires()? != ended {
                let what = "timestamp.json".to_owned();
                let reason = "its end is not the one that is remembered".to_owned();
                return Err(Error::Metadata { what, reason });
            }
            let files = files(bundle, &mut upstream, as_of, None, known).await?;
            let artifacts = others(bundle, &BTreeSet::new())?;
            Ok(Verified { id: bundle.id(), as_of, upstream: versions, site: None, files, artifacts })
        }
    }
}

/// What the site says of everything that it ever vetted.
struct Site {
    word: SiteWord,
    listed: BTreeMap<TargetPath, (Target, Vetting)>,
    /// The latest vetting.
    as_of: Timestamp,
    artifacts: BTreeSet<Digest>,
}

impl Site {
    async fn read(bundle: &Bundle, store: Store, now: Timestamp) -> Result<Self, Error> {
        let metadata = bundle.metadata(Side::Site)?;
        if metadata.is_empty() {
            return Err(bundle.problem(BundleProblem::NotVetted));
        }
        let memory = Memory { metadata, targets: BTreeMap::new() };
        let mut client = Client::new(store, Arc::new(memory), Layout::Site);
        let versions = client.refresh(now).await?;
        let mut targets = Vec::new();
        for namespace in client.namespaces()? {
            targets.extend(client.list(&namespace, now).await?);
        }
        match client.resolve(&TargetPath::revocations(), now).await {
            Ok(target) => targets.push(target),
            Err(Error::NotListed { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut listed = BTreeMap::new();
        for target in targets {
            let vetting = Vetting::of(&target).map_err(|problem| bundle.problem(problem))?;
            listed.insert(target.path.clone(), (target, vetting));
        }
        let as_of = listed.values().map(|(_, vetting)| vetting.upstream_as_of).max();
        let as_of = as_of.ok_or_else(|| bundle.problem(BundleProblem::NotVetted))?;
        let artifacts = listed.values().flat_map(|(_, vetting)| vetting.artifacts.iter().map(|it| it.0));
        let artifacts = artifacts.collect();
        Ok(Self { word: SiteWord { versions, expires: client.expires()? }, listed, as_of, artifacts })
            .and_then(|site: Self| site.not_from_the_future(bundle, now))
    }

    fn not_from_the_future(self, bundle: &Bundle, now: Timestamp) -> Result<Self, Error> {
        if now.saturating_add(CLOCK_STEP).is_ok_and(|now| self.as_of > now) {
            let path = self.latest().map_or_else(TargetPath::revocations, |(target, _)| target.path.clone());
            let reason = format!("it is of {}, and the clock says {now}", self.as_of);
            return Err(bundle.problem(BundleProblem::Record { path, reason }));
        }
        Ok(self)
    }

    fn latest(&self) -> Option<&(Target, Vetting)> {
        self.listed.values().find(|(_, vetting)| vetting.upstream_as_of == self.as_of)
    }

    /// The metadata in the bundle has to be what was looked at, not merely something that was signed once.
    fn check_record(
        &self,
        bundle: &Bundle,
        versions: Versions,
        metadata: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), Error> {
        let Some((target, vetting)) = self.latest() else {
            return Err(bundle.problem(BundleProblem::NotVetted));
        };
        let wrong =
            |reason: String| bundle.problem(BundleProblem::Record { path: target.path.clone(), reason });
        if vetting.upstream_versions != versions {
            let (theirs, ours) = (shown(&vetting.upstream_versions), shown(&versions));
            return Err(wrong(format!("it is of the repository at {theirs}, and the bundle holds {ours}")));
        }
        let root = metadata.get(&format!("{}.root.json", versions.root)).map(|bytes| Digest::of(bytes));
        if root != Some(vetting.upstream_root_sha256.0) {
            return Err(wrong("it is of another root of the repository".to_owned()));
        }
        Ok(())
    }
}

fn shown(versions: &Versions) -> String {
    let Versions { root, timestamp, snapshot, targets } = versions;
    format!("root {root}, timestamp {timestamp}, snapshot {snapshot}, targets {targets}")
}

pub(super) fn upstream(store: Store, metadata: BTreeMap<String, Vec<u8>>) -> Client {
    let memory = Memory { metadata, targets: BTreeMap::new() };
    Client::new(store, Arc::new(memory), Layout::Publishers).as_of()
}

/// Each file that the bundle names, as both repositories have it.
async fn files(
    bundle: &Bundle,
    upstream: &mut Client,
    as_of: Timestamp,
    site: Option<&Site>,
    known: Option<&ContentStore>,
) -> Result<Vec<VerifiedFile>, Error> {
    let mut files = Vec::new();
    has_revocations(bundle, upstream, as_of).await?;
    for (path, layer) in bundle.targets() {
        let target = upstream.resolve(path, as_of).await?;
        let vetting = match site {
            None => None,
            Some(site) => {
                let listed = site.listed.get(path);
                let (signed, vetting) = listed.ok_or_else(|| Error::NotListed { what: path.to_string() })?;
                agree(path, signed, &target).map_err(|problem| bundle.problem(problem))?;
                Some(vetting.clone())
            }
        };
        if (layer.digest, layer.length_bytes) != (target.digest, target.length_bytes) {
            let reason = "the bundle holds other bytes".to_owned();
            return Err(Error::Tampered { what: path.to_string(), reason });
        }
        let is_in_bundle = bundle.holds(&target.digest);
        if !is_in_bundle {
            is_here(known, &target).map_err(|problem| bundle.problem(problem))?;
        }
        files.push(VerifiedFile { upstream: target, vetting, is_in_bundle });
    }
    Ok(files)
}

/// Whoever carries a bundle must not be able to leave out what was revoked.
async fn has_revocations(bundle: &Bundle, upstream: &mut Client, as_of: Timestamp) -> Result<(), Error> {
    let path = TargetPath::revocations();
    match upstream.resolve(&path, as_of).await {
        Ok(_) if bundle.layer(&path).is_none() => {
            let reason = "the repository lists it, and the bundle has left it out".to_owned();
            Err(bundle.problem(BundleProblem::Layout { what: path.to_string(), reason }))
        }
        Ok(_) | Err(Error::NotListed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn agree(path: &TargetPath, site: &Target, upstream: &Target) -> Result<(), BundleProblem> {
    if (site.digest, site.length_bytes) == (upstream.digest, upstream.length_bytes) {
        return Ok(());
    }
    let shown = |target: &Target| format!("{} of {} bytes", target.digest, target.length_bytes);
    Err(BundleProblem::Disagreement { path: path.clone(), site: shown(site), upstream: shown(upstream) })
}

/// A blob that is left out has to be here, with the bytes that it should have.
fn is_here(known: Option<&ContentStore>, target: &Target) -> Result<(), BundleProblem> {
    let absent = || BundleProblem::Absent { digest: target.digest };
    let path = known.ok_or_else(absent)?.path(&target.digest);
    let mut file = std::fs::File::open(path).map_err(|_| absent())?;
    match digest_of(&mut file)? {
        (digest, length) if digest == target.digest && length == target.length_bytes => Ok(()),
        _ => Err(absent()),
    }
}

/// What this program only carries is taken if the site names it.
fn others(bundle: &Bundle, signed: &BTreeSet<Digest>) -> Result<BTreeMap<String, Digest>, Error> {
    let others = bundle.artifacts().iter().filter(|artifact| artifact.kind == ArtifactKind::Other);
    others
        .map(|artifact| match signed.contains(&artifact.digest) {
            true => Ok((artifact.name.clone(), artifact.digest)),
            false => Err(bundle.problem(BundleProblem::Unsigned { name: artifact.name.clone() })),
        })
        .collect()
}

/// When the timestamp says that it ends. Not checked: that is done with the time that follows from it.
fn timestamp_end(bundle: &Bundle, metadata: &BTreeMap<String, Vec<u8>>) -> Result<Timestamp, Error> {
    #[derive(Deserialize)]
    struct File {
        signed: Signed,
    }
    #[derive(Deserialize)]
    struct Signed {
        expires: Timestamp,
    }
    let wrong =
        |reason: String| bundle.problem(BundleProblem::Layout { what: "timestamp.json".to_owned(), reason });
    let bytes = metadata.get("timestamp.json").ok_or_else(|| wrong("it is not there".to_owned()))?;
    let file: File = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    Ok(file.signed.expires)
}

/// The newest root file's digest.
pub(super) fn root_digest(metadata: &BTreeMap<String, Vec<u8>>, versions: &Versions) -> Option<HexDigest> {
    metadata.get(&format!("{}.root.json", versions.root)).map(|bytes| HexDigest(Digest::of(bytes)))
}
