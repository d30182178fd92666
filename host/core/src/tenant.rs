//! Tenants: whose cloud it is, how it is reached, and what a plugin that serves it may do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use skywright_runtime::driver::{DriverInfo, Setting, SettingKind};

use crate::config;
use crate::error::Error;
use crate::secret::SecretSource;

/// The tenants file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenants {
    /// By name.
    #[serde(default)]
    pub tenants: BTreeMap<String, Tenant>,
    /// Where it was read from; paths in it are relative to its folder.
    #[serde(skip)]
    pub path: PathBuf,
}

/// One tenant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tenant {
    /// The plugin that serves it: an id, a name, or a path.
    #[serde(default)]
    pub provider: String,
    /// The settings that the plugin declares, but for secrets.
    #[serde(default)]
    pub settings: BTreeMap<String, Scalar>,
    /// Where the secret settings are kept.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// What the plugin may reach beyond its declared endpoints.
    #[serde(default)]
    pub grants: Grants,
}

/// What the operator adds to what a plugin declares.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// More endpoints, as patterns `SCHEME://HOST[:PORT]`. No credential goes there.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// Address ranges that are not on the public internet and may be reached all the same.
    #[serde(default)]
    pub networks: Vec<IpNet>,
    /// Lets credentials go over `http`. For a laboratory.
    #[serde(default)]
    pub plaintext_credentials: bool,
    /// A file with certificate authorities (PEM) beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy's URL, or `none`; the environment's by default.
    #[serde(default)]
    pub proxy: Option<String>,
}

/// A setting as it may be written in YAML.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl Tenants {
    /// Reads the file; one that does not exist has no tenants.
    ///
    /// # Errors
    ///
    /// [`Error::File`] and [`Error::Config`], the latter with line and column.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let mut tenants = match config::read::<Self>(path) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Self::default()
            }
            other => other?,
        };
        tenants.path = path.to_owned();
        Ok(tenants)
    }

    /// The tenant of this name.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`], with the names that there are.
    pub fn get(&self, name: &str) -> Result<&Tenant, Error> {
        self.tenants.get(name).ok_or_else(|| Error::NoTenant {
            name: name.to_owned(),
            known: self.tenants.keys().cloned().collect(),
            path: self.path.clone(),
        })
    }
}

impl Tenant {
    /// Holds the settings against what the plugin declares, and fills in its defaults.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a key that is not declared, a required one that is missing, a value
    /// of the wrong kind, or a secret that stands in `settings`.
    pub fn checked_settings(&self, info: &DriverInfo) -> Result<BTreeMap<String, String>, Error> {
        let mut checked = BTreeMap::new();
        let declared = |key: &str| info.settings.iter().find(|setting| setting.key == key);
        for (key, value) in &self.settings {
            let setting = declared(key).ok_or_else(|| unknown(key, info))?;
            checked.insert(key.clone(), check_value(setting, value)?);
        }
        for key in self.secrets.keys() {
            let setting = declared(key).ok_or_else(|| unknown(key, info))?;
            if setting.kind != SettingKind::Secret {
                return Err(wrong(key, "it is not a secret; it belongs in `settings`"));
            }
        }
        for setting in &info.settings {
            let given = checked.contains_key(&setting.key) || self.secrets.contains_key(&setting.key);
            match &setting.default {
                _ if given => {}
                Some(default) => {
                    checked.insert(setting.key.clone(), default.clone());
                }
                None if setting.required => {
                    return Err(wrong(&setting.key, "it is required and has no default"));
                }
                None => {}
            }
        }
        Ok(checked)
    }
}

fn wrong(key: &str, reason: impl Into<String>) -> Error {
    Error::Setting { key: key.to_owned(), reason: reason.into() }
}

fn unknown(key: &str, info: &DriverInfo) -> Error {
    let known: Vec<_> = info.settings.iter().map(|setting| setting.key.as_str()).collect();
    wrong(key, format!("the plugin declares no such setting; it declares: {}", known.join(", ")))
}

fn check_value(setting: &Setting, value: &Scalar) -> Result<String, Error> {
    let text = value.to_string();
    let expected = |what: &str| Err(wrong(&setting.key, format!("expected {what}")));
    match setting.kind {
        SettingKind::Text => Ok(text),
        SettingKind::Integer if text.parse::<i64>().is_err() => expected("a whole number"),
        SettingKind::Boolean if text.parse::<bool>().is_err() => expected("true or false"),
        SettingKind::Url if url::Url::parse(&text).is_err() => {
            expected("a URL, such as https://cloud.example/v3")
        }
        SettingKind::Choice if !setting.choices.contains(&text) => {
            expected(&format!("one of {}", setting.choices.join(", ")))
        }
        // The value is not repeated: somebody just wrote a secret in the wrong place.
        SettingKind::Secret => expected("its source under `secrets`, not a value under `settings`"),
        SettingKind::Integer | SettingKind::Boolean | SettingKind::Url | SettingKind::Choice => Ok(text),
    }
}
