//! What a bundle says of itself. Nothing of it is verified.

use serde::Serialize;
use serde_json::Value;

use super::contents::Bundle;
use super::{Artifact, ArtifactKind, Side};
use crate::error::Error;

/// A bundle as it describes itself: well formed, every blob whole, nothing of it trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its id: the digest of its index.
    pub id: String,
    /// The bundle, or set of digests, whose blobs it leaves out.
    pub since: Option<String>,
    /// How many bytes of blobs it holds.
    pub held_bytes: u64,
    /// What it lists.
    pub artifacts: Vec<InspectedArtifact>,
    /// The roles of the publisher's repository, by file name.
    pub upstream: Vec<InspectedRole>,
    /// Those of the site's own; empty if it was not vetted.
    pub site: Vec<InspectedRole>,
}

/// An artifact of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedArtifact {
    /// Its name.
    pub name: String,
    /// `metadata`, `plugin`, `registry` or `other`.
    pub kind: &'static str,
    /// Of its manifest.
    pub digest: String,
    /// Of everything that it names.
    pub length_bytes: u64,
    /// Its files.
    pub files: Vec<InspectedFile>,
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedFile {
    /// Its name.
    pub name: String,
    /// Of its bytes.
    pub digest: String,
    /// Of its bytes.
    pub length_bytes: u64,
    /// Whether the bundle holds it; if not, it has to be there already where the bundle goes.
    pub is_held: bool,
}

/// A role's metadata as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedRole {
    /// The file's name.
    pub file: String,
    /// Its version.
    pub version: Option<u64>,
    /// When it ends, as it is written.
    pub expires: Option<String>,
}

impl Bundle {
    /// What it says of itself.
    ///
    /// # Errors
    ///
    /// As for [`metadata`](Self::metadata).
    pub fn inspect(&self) -> Result<Inspection, Error> {
        Ok(Inspection {
            id: self.id().to_string(),
            since: self.since().map(|since| since.to_string()),
            held_bytes: self.held_bytes(),
            artifacts: self.artifacts().iter().map(|artifact| self.inspect_artifact(artifact)).collect(),
            upstream: self.inspect_roles(Side::Upstream)?,
            site: self.inspect_roles(Side::Site)?,
        })
    }

    fn inspect_artifact(&self, artifact: &Artifact) -> InspectedArtifact {
        let kind = match &artifact.kind {
            ArtifactKind::Metadata(_) => "metadata",
            ArtifactKind::Plugin { .. } => "plugin",
            ArtifactKind::Registry => "registry",
            ArtifactKind::Other => "other",
        };
        let files = artifact.layers.iter().map(|layer| InspectedFile {
            name: layer.title.clone(),
            digest: layer.digest.to_string(),
            length_bytes: layer.length_bytes,
            is_held: self.holds(&layer.digest),
        });
        InspectedArtifact {
            name: artifact.name.clone(),
            kind,
            digest: artifact.digest.to_string(),
            length_bytes: artifact.blobs.values().fold(0, |sum: u64, length| sum.saturating_add(*length)),
            files: files.collect(),
        }
    }

    fn inspect_roles(&self, side: Side) -> Result<Vec<InspectedRole>, Error> {
        let roles = self.metadata(side)?.into_iter().map(|(file, bytes)| {
            let json: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let signed = &json["signed"];
            let expires = signed["expires"].as_str();
            InspectedRole {
                file,
                version: signed["version"].as_u64(),
                expires: expires.map(|text| text.chars().filter(|c| !c.is_control()).take(40).collect()),
            }
        });
        Ok(roles.collect())
    }
}
