//! Where a recipe runs, and what it needs beside it.

use serde::{Deserialize, Serialize};

/// A family of systems: how packages and services are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// apt: Debian, Ubuntu and what is made of them.
    Debian,
    /// dnf: RHEL, AlmaLinux, Rocky, Fedora.
    Rhel,
}

impl Family {
    /// The family's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Rhel => "rhel",
        }
    }
}

/// One row of the matrix of systems that a recipe supports. What is left out is not restricted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// The family.
    pub family: Family,
    /// What `ID` says in /etc/os-release, such as `ubuntu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
    /// What `VERSION_ID` may begin with, such as `12` or `24.04`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// As `uname -m` says, such as `x86_64` or `aarch64`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
}

impl Platform {
    /// Whether a host is one of these.
    #[must_use]
    pub fn covers(&self, host: &crate::plan::HostView) -> bool {
        let is_version = |version: &String| {
            let rest = host.os_version.strip_prefix(version.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.family.name() == host.os_family
            && self.distribution.as_ref().is_none_or(|own| *own == host.os_distribution)
            && (self.versions.is_empty() || self.versions.iter().any(is_version))
            && (self.architectures.is_empty() || self.architectures.contains(&host.architecture))
    }
}

/// Another feature that has to be there first, or must not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its name, or `publisher/name`.
    pub feature: String,
    /// Versions as Cargo writes them, such as `>=1.2, <2`; any if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub versions: Option<semver::VersionReq>,
}

/// A part that hosts play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How many hosts have to play it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub at_least: u32,
    /// How many may; any number if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How many hosts of a role a size of cluster has, and how large they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The size, such as `small`.
    pub size: String,
    /// One of the recipe's roles.
    pub role: String,
    /// How many.
    pub count: u32,
    /// A sizing expression, such as `cpu >= 2, ram >= 4`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sizing: String,
}
