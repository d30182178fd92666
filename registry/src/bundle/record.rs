//! What a site signs about the vetting of a file.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::BundleProblem;
use crate::tuf::{HexDigest, Target, Versions};

/// The `vetting` object in a target's `custom`, as the site's repository lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vetting {
    /// Who vetted it, for people.
    pub by: String,
    /// Where that is written down, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When the publisher's metadata was looked at and was fresh: it is judged as of this moment inside.
    pub upstream_as_of: Timestamp,
    /// Of the newest root file of the publisher's repository.
    pub upstream_root_sha256: HexDigest,
    /// The versions of the publisher's repository that were looked at.
    pub upstream_versions: Versions,
    /// The manifests of what else was in the bundle, such as images.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub artifacts: BTreeSet<HexDigest>,
}

impl Vetting {
    /// What the site's target says of its vetting.
    ///
    /// # Errors
    ///
    /// [`BundleProblem::Record`] if it says nothing, or nothing that is understood.
    pub fn of(target: &Target) -> Result<Self, BundleProblem> {
        let wrong = |reason: String| BundleProblem::Record { path: target.path.clone(), reason };
        let vetting = target.custom.as_ref().and_then(|custom| custom.get("vetting"));
        let vetting = vetting.ok_or_else(|| wrong("there is none".to_owned()))?;
        Self::deserialize(vetting).map_err(|error| wrong(error.to_string()))
    }

    /// The `custom` of the site's target: what the publisher says of the plugin, and this.
    pub(super) fn custom(&self, upstream: Option<&Value>) -> Result<Value, serde_json::Error> {
        let mut custom = serde_json::Map::new();
        if let Some(plugin) = upstream.and_then(|upstream| upstream.get("plugin")) {
            custom.insert("plugin".to_owned(), plugin.clone());
        }
        custom.insert("vetting".to_owned(), serde_json::to_value(self)?);
        Ok(Value::Object(custom))
    }
}
