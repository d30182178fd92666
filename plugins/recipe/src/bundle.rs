//! A recipe with its templates: what a feature is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{BUNDLE_BYTES, TEMPLATES};
use crate::{Finding, Recipe};

/// A recipe and the files of its `scripts/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// `recipe.yaml`.
    pub recipe: Recipe,
    /// By file name, `.tera` included.
    pub templates: BTreeMap<String, String>,
}

/// Why bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Larger than any bundle may be.
    #[error("recipe and templates take {bytes} bytes; the limit is {BUNDLE_BYTES}")]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
    },
    /// Not the JSON of a bundle; the parser's message.
    #[error("the recipe does not parse: {0}")]
    Syntax(String),
    /// It parses, and is wrong.
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Wrong(Vec<Finding>),
}

impl Bundle {
    /// The canonical JSON: the same bytes every time.
    ///
    /// # Errors
    ///
    /// [`BundleError::TooLarge`], and [`BundleError::Wrong`] with all [`findings`](Self::findings).
    pub fn to_json(&self) -> Result<Vec<u8>, BundleError> {
        let findings = self.findings();
        if !findings.is_empty() {
            return Err(BundleError::Wrong(findings));
        }
        let json = serde_json::to_vec(self).map_err(|error| BundleError::Syntax(error.to_string()))?;
        if json.len() > BUNDLE_BYTES {
            return Err(BundleError::TooLarge { bytes: json.len() });
        }
        Ok(json)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`BundleError`], for whatever `to_json` would not have written.
    pub fn from_json(json: &[u8]) -> Result<Self, BundleError> {
        if json.len() > BUNDLE_BYTES {
            return Err(BundleError::TooLarge { bytes: json.len() });
        }
        let bundle: Self =
            serde_json::from_slice(json).map_err(|error| BundleError::Syntax(error.to_string()))?;
        let findings = bundle.findings();
        if findings.is_empty() { Ok(bundle) } else { Err(BundleError::Wrong(findings)) }
    }

    /// Everything that is wrong with it, but for what only rendering shows. Empty if nothing is.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.recipe.findings(&self.templates);
        if self.templates.len() > TEMPLATES {
            findings.push(Finding::new("", format!("more than {TEMPLATES} templates")));
        }
        for name in self.templates.keys().filter(|name| !crate::is_template_name(name)) {
            let shown: String = name.chars().take(80).collect();
            findings.push(Finding::new("", format!("{shown:?} is no name of a template")));
        }
        findings
    }
}
