//! Tenants: whose cloud it is, how it is reached, and what a plugin that serves it may do.

pub(crate) mod choice;
mod store;

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
#[serde(deny_unknown_fields, expecting = "a map with the key `tenants`")]
pub struct Tenants {
    /// By name.
    #[serde(default, deserialize_with = "each_once")]
    pub tenants: BTreeMap<String, Tenant>,
    /// Where it was read from; paths in it are relative to its folder.
    #[serde(skip)]
    pub path: PathBuf,
}

/// One tenant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a tenant: provider, settings, secrets, grants"
)]
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
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a map of grants")]
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
#[serde(untagged, expecting = "text, a whole number, or true or false")]
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

/// A map in which no key stands twice: of two tenants of one name, the wrong one might be meant.
fn each_once<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Tenant>, D::Error> {
    struct Each;

    impl<'de> serde::de::Visitor<'de> for Each {
        type Value = BTreeMap<String, Tenant>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map of tenants by name")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut tenants = BTreeMap::new();
            while let Some((name, tenant)) = map.next_entry::<String, Tenant>()? {
                if tenants.contains_key(&name) {
                    return Err(serde::de::Error::custom(format!("the tenant `{name}` stands there twice")));
                }
                tenants.insert(name, tenant);
            }
            Ok(tenants)
        }
    }

    deserializer.deserialize_map(Each)
}

impl Tenants {
    /// Reads the file; one that does not exist has no tenants.
    ///
    /// # Errors
    ///
    /// [`Error::File`] and [`Error::Config`], the latter with line and column.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match Self::read_named(path) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { path: path.to_owned(), ..Self::default() })
            }
            other => other,
        }
    }

    /// Reads a file that has to be there.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Error::File`] if it is not there.
    pub fn read_named(path: &Path) -> Result<Self, Error> {
        Ok(Self { path: path.to_owned(), ..config::read(path)? })
    }

    /// The folder that paths in the file are relative to.
    #[must_use]
    pub fn base(&self) -> PathBuf {
        choice::folder_of(&self.path)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Tenants, String> {
        let error = |error: Error| error.to_string();
        config::parse(yaml, Path::new("tenants.yaml")).map_err(error)
    }

    #[test]
    fn a_whole_file() {
        let yaml = "
tenants:
  lab:
    provider: skywright/openstack
    settings: { auth-url: \"https://cloud.example\", retries: 3, insecure: false }
    secrets:
      password: { env: OS_PASSWORD }
      token: { file: token }
      key: { command: [pass, show, key] }
    grants:
      endpoints: [\"https://*.example\"]
      networks: [10.0.0.0/8, \"fd00::/8\"]
      plaintext-credentials: true
      ca-file: ca.pem
      proxy: none
";
        let tenants = read(yaml).unwrap();
        let lab = tenants.get("lab").unwrap();
        assert_eq!(lab.settings["retries"], Scalar::Integer(3));
        assert_eq!(lab.settings["insecure"], Scalar::Boolean(false));
        assert_eq!(lab.secrets["token"], SecretSource::File("token".into()));
        assert_eq!((lab.grants.networks.len(), lab.grants.proxy.as_deref()), (2, Some("none")));
        match tenants.get("lap").unwrap_err() {
            Error::NoTenant { name, known, .. } => {
                assert_eq!((name.as_str(), known), ("lap", vec!["lab".to_owned()]))
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_key_that_is_not_understood_is_an_error_with_its_place() {
        for (yaml, key, place) in [
            ("tenant: {}\n", "tenant", "expected `tenants`"),
            ("tenants:\n  lab:\n    region: x\n", "region", "line 3 column 5"),
            ("tenants:\n  lab:\n    grants:\n      ca_file: x\n", "ca_file", "line 4 column 7"),
            ("tenants:\n  lab:\n    secrets:\n      token: { value: x }\n", "value", "line 4 column 16"),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.starts_with("tenants.yaml: "), "{error}");
            assert!(error.contains(&format!("unknown field `{key}`")) && error.contains(place), "{error}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_an_error_with_its_place() {
        for (yaml, place) in [
            ("tenants:\n  lab:\n    grants:\n      plaintext-credentials: 3\n", "line 4 column 30"),
            ("tenants:\n  lab:\n    grants:\n      networks: [north]\n", "line 4 column 18"),
            ("tenants:\n  lab:\n    secrets:\n      token: { env: A, file: b }\n", "line 4 column 7"),
            ("tenants:\n  lab:\n    settings:\n      region: [a]\n", "line 4 column 7"),
            ("tenants:\n  lab:\n    provider: \"x\n", "line 4 column 1"),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(place), "{error}");
        }
    }

    #[test]
    fn what_stands_in_the_file_does_not_stand_in_the_message() {
        for yaml in [
            "tenants:\n  lab:\n    secrets:\n      token: \"hunter2\n",
            "tenants:\n  lab:\n    secrets:\n      token: { value: hunter2 }\n",
            "tenants:\n  lab:\n    secrets:\n      token: [hunter2]\n",
            "tenants:\n  lab:\n    settings:\n      token: [hunter2]\n",
            "tenants:\n  lab:\n    grants:\n      networks: [hunter2]\n",
            "tenants:\n  lab:\n    settings: { token: hunter2\n  other: {}\n",
        ] {
            let error = read(yaml).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_secret_in_place_of_its_source_does_not_stand_in_the_message() {
        for yaml in [
            "tenants:\n  lab:\n    secrets:\n      token: hunter2\n",
            "tenants:\n  lab:\n    secrets: hunter2\n",
            "tenants:\n  lab:\n    grants:\n      plaintext-credentials: hunter2\n",
            "hunter2",
        ] {
            let error = read(yaml).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_has_no_tenants() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenants.yaml");
        let tenants = Tenants::read(&path).unwrap();
        assert!(tenants.tenants.is_empty() && tenants.path == path);
        assert!(matches!(Tenants::read(folder.path()), Err(Error::File { .. })));
    }

    fn setting(key: &str, kind: SettingKind) -> Setting {
        let (key, description) = (key.to_owned(), String::new());
        Setting { key, kind, required: false, default: None, choices: Vec::new(), description }
    }

    fn declared() -> DriverInfo {
        let choices = ["public", "internal"].map(str::to_owned).into();
        let settings = vec![
            Setting { default: Some("north".to_owned()), ..setting("region", SettingKind::Text) },
            setting("retries", SettingKind::Integer),
            setting("insecure", SettingKind::Boolean),
            Setting { required: true, ..setting("auth-url", SettingKind::Url) },
            Setting { choices, ..setting("interface", SettingKind::Choice) },
            setting("password", SettingKind::Secret),
        ];
        DriverInfo {
            name: "cloud".to_owned(),
            title: String::new(),
            documentation: String::new(),
            settings,
            endpoints: Vec::new(),
            rates: Vec::new(),
        }
    }

    /// The settings of a tenant that has these beside the one that is required.
    fn checked(settings: &[(&str, Scalar)]) -> Result<BTreeMap<String, String>, String> {
        let mut tenant = Tenant::default();
        tenant.settings.insert("auth-url".to_owned(), "https://cloud.example/v3".into());
        tenant.settings.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        tenant.checked_settings(&declared()).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_of_every_kind() {
        let settings = [
            ("retries", Scalar::Integer(-3)),
            ("insecure", Scalar::Boolean(true)),
            ("interface", "internal".into()),
        ];
        let checked_settings = checked(&settings).unwrap();
        let pairs: Vec<_> =
            checked_settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let expected = [
            ("auth-url", "https://cloud.example/v3"),
            ("insecure", "true"),
            ("interface", "internal"),
            ("region", "north"),
            ("retries", "-3"),
        ];
        assert_eq!(pairs, expected);
        // As flags give them, and as YAML takes an unquoted number for one.
        assert_eq!(checked(&[("retries", "5".into())]).unwrap()["retries"], "5");
        assert_eq!(checked(&[("region", Scalar::Integer(7))]).unwrap()["region"], "7");
    }

    #[test]
    fn settings_that_do_not_fit() {
        for (key, value, reason) in [
            ("retries", "many", "expected a whole number"),
            ("retries", "1.5", "expected a whole number"),
            ("insecure", "yes", "expected true or false"),
            ("auth-url", "cloud.example", "expected a URL, such as https://cloud.example/v3"),
            ("interface", "admin", "expected one of public, internal"),
            ("password", "hunter2", "expected its source under `secrets`, not a value under `settings`"),
            (
                "passwort",
                "hunter2",
                "the plugin declares no such setting; it declares: region, retries, insecure, auth-url, interface, password",
            ),
        ] {
            assert_eq!(checked(&[(key, value.into())]).unwrap_err(), format!("setting `{key}`: {reason}"));
        }
        let error = Tenant::default().checked_settings(&declared()).unwrap_err();
        assert_eq!(error.to_string(), "setting `auth-url`: it is required and has no default");
    }

    #[test]
    fn secrets_are_declared_too() {
        let with_secret = |key: &str| {
            let mut tenant = Tenant::default();
            tenant.settings.insert("auth-url".to_owned(), "https://cloud.example/v3".into());
            tenant.secrets.insert(key.to_owned(), SecretSource::Env("X".to_owned()));
            tenant.checked_settings(&declared()).map_err(|error| error.to_string())
        };
        assert!(
            !with_secret("password").unwrap().contains_key("password"),
            "a plugin never gets it as a setting"
        );
        let error = with_secret("region").unwrap_err();
        assert_eq!(error, "setting `region`: it is not a secret; it belongs in `settings`");
        assert!(with_secret("token").unwrap_err().contains("declares no such setting"));
        let mut info = declared();
        info.settings = vec![Setting { required: true, ..setting("password", SettingKind::Secret) }];
        let error = Tenant::default().checked_settings(&info).unwrap_err();
        assert_eq!(error.to_string(), "setting `password`: it is required and has no default");
    }
}
