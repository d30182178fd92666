//! Tenants: whose cloud it is, how it is reached, and what a plugin that serves it may do.

pub(crate) mod choice;
pub(crate) mod file;
pub(crate) mod import;
mod read;
mod store;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use skywright_runtime::driver::{DriverInfo, Setting, SettingKind};

use crate::config::{self, Entry, Mark, Place, nearest};
use crate::defaults::Defaults;
use crate::error::Error;
use crate::secret::SecretSource;

/// The name of the tenant that is always there.
const LOCAL_TENANT: &str = "local";

/// The plugin that this machine's own hosts are lent to.
pub(crate) const LOCAL_PLUGIN: &str = "skywright/local";

/// The tenants file.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    /// By name.
    pub tenants: BTreeMap<String, Tenant>,
    /// Where it was read from; paths in it are relative to its folder.
    pub path: PathBuf,
}

/// One tenant.
#[derive(Debug, Clone, Default)]
pub struct Tenant {
    /// Its name in the tenants file; empty for one that is made up of flags.
    pub name: String,
    /// The plugin that serves it: an id, a name, or a path.
    pub provider: String,
    /// The settings that the plugin declares, but for secrets.
    pub settings: BTreeMap<String, Scalar>,
    /// Where the secret settings are kept.
    pub secrets: BTreeMap<String, SecretSource>,
    /// What the plugin may reach beyond its declared endpoints.
    pub grants: Grants,
    /// What is taken where a command does not say.
    pub defaults: Defaults,
    /// Where all that stands, for messages.
    pub places: Places,
    /// It is in no file: [`Tenant::local`].
    pub is_built_in: bool,
}

/// What the operator adds to what a plugin declares.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// More endpoints, as patterns `SCHEME://HOST[:PORT]`. No credential goes there.
    pub endpoints: Vec<String>,
    /// Address ranges that are not on the public internet and may be reached all the same.
    pub networks: Vec<IpNet>,
    /// Lets credentials go over `http`. For a laboratory.
    pub plaintext_credentials: bool,
    /// A file with certificate authorities (PEM) beside the system's.
    pub ca_file: Option<PathBuf>,
    /// A proxy's URL, or `none`; the environment's by default.
    pub proxy: Option<String>,
}

/// A setting as it may be written in YAML.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

/// Where the parts of a tenant stand in its file. Nowhere, for one that is made up of flags.
#[derive(Debug, Clone, Default)]
pub struct Places {
    root: Option<Place>,
    /// By `SECTION.KEY`.
    marks: BTreeMap<String, Mark>,
}

impl Places {
    /// Where `section`'s `key` stands; where the tenant begins if it is not there.
    #[must_use]
    pub fn of(&self, section: &str, key: &str) -> Option<Place> {
        let root = self.root.as_ref()?;
        let path = format!("{section}.{key}");
        let mark = self.marks.get(&path).copied().or(root.mark);
        Some(Place { path: root.path.clone(), mark, key: format!("{}.{path}", root.key) })
    }

    /// That it does not come from the file, but from a flag.
    pub fn forget(&mut self, section: &str, key: &str) {
        self.marks.remove(&format!("{section}.{key}"));
    }

    fn note(&mut self, section: &str, entry: &Entry) {
        self.marks.insert(format!("{section}.{}", entry.key), entry.mark);
    }

    fn is_noted(&self, section: &str, key: &str) -> bool {
        self.marks.contains_key(&format!("{section}.{key}"))
    }
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
        read::tenants(&config::read_text(path)?, path)
    }

    /// With [`Tenant::local`], unless one of that name is there.
    #[must_use]
    pub fn with_built_in(mut self) -> Self {
        self.tenants.entry(LOCAL_TENANT.to_owned()).or_insert_with(Tenant::local);
        self
    }

    /// The folder that paths in the file are relative to.
    #[must_use]
    pub fn base(&self) -> PathBuf {
        skywright_files::folder_of(&self.path).to_owned()
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
    /// This very machine. It is there where the tenants file has no other of its name.
    #[must_use]
    pub fn local() -> Self {
        Self {
            name: LOCAL_TENANT.to_owned(),
            provider: LOCAL_PLUGIN.to_owned(),
            defaults: Defaults { image: Some("Debian 12".to_owned()), ..Defaults::default() },
            is_built_in: true,
            ..Self::default()
        }
    }

    /// Holds the settings against what the plugin declares, and fills in its defaults.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a key that is not declared, a required one that is missing, a value
    /// of the wrong kind, or a secret that stands in `settings`; with its place in the file.
    pub fn checked_settings(&self, info: &DriverInfo) -> Result<BTreeMap<String, String>, Error> {
        let mut checked = BTreeMap::new();
        let declared = |key: &str| info.settings.iter().find(|setting| setting.key == key);
        for (key, value) in &self.settings {
            let setting = declared(key).ok_or_else(|| self.unknown("settings", key, info))?;
            let value = check_value(setting, value).map_err(|reason| self.wrong("settings", key, reason))?;
            checked.insert(key.clone(), value);
        }
        for key in self.secrets.keys() {
            let setting = declared(key).ok_or_else(|| self.unknown("secrets", key, info))?;
            if setting.kind != SettingKind::Secret {
                return Err(self.wrong("secrets", key, "it is not a secret; it belongs in `settings`"));
            }
        }
        for setting in &info.settings {
            let given = checked.contains_key(&setting.key) || self.secrets.contains_key(&setting.key);
            match &setting.default {
                _ if given => {}
                Some(default) => {
                    checked.insert(setting.key.clone(), default.clone());
                }
                None if setting.required => return Err(self.missing(setting)),
                None => {}
            }
        }
        Ok(checked)
    }

    fn wrong(&self, section: &str, key: &str, reason: impl Into<String>) -> Error {
        // A flag has no place.
        let place = self.places.of(section, key).filter(|_| self.places.is_noted(section, key));
        Error::Setting { key: key.to_owned(), reason: reason.into(), place }
    }

    fn missing(&self, setting: &Setting) -> Error {
        let is_secret = setting.kind == SettingKind::Secret;
        let place = self.places.of(if is_secret { "secrets" } else { "settings" }, &setting.key);
        let expected = expected(setting);
        let reason = format!("it is required and has no default; expected {expected}");
        Error::Setting { key: setting.key.clone(), reason, place }
    }

    fn unknown(&self, section: &str, key: &str, info: &DriverInfo) -> Error {
        let known = || info.settings.iter().map(|setting| setting.key.as_str());
        let near = nearest(key, known()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let all = known().collect::<Vec<_>>().join(", ");
        self.wrong(section, key, format!("the plugin declares no such setting; it declares: {all}{near}"))
    }
}

/// What a setting takes.
fn expected(setting: &Setting) -> String {
    match setting.kind {
        SettingKind::Text => "text".to_owned(),
        SettingKind::Integer => "a whole number".to_owned(),
        SettingKind::Boolean => "true or false".to_owned(),
        SettingKind::Url => "a URL, such as https://cloud.example/v3".to_owned(),
        SettingKind::Choice => format!("one of {}", setting.choices.join(", ")),
        SettingKind::Secret => "its source under `secrets`".to_owned(),
    }
}

/// The value as text; the error says what was expected and never what was found.
fn check_value(setting: &Setting, value: &Scalar) -> Result<String, String> {
    let text = value.to_string();
    let fits = match setting.kind {
        SettingKind::Text => true,
        SettingKind::Integer => text.parse::<i64>().is_ok(),
        SettingKind::Boolean => text.parse::<bool>().is_ok(),
        SettingKind::Url => url::Url::parse(&text).is_ok(),
        SettingKind::Choice => setting.choices.contains(&text),
        // Somebody just wrote a secret in the wrong place.
        SettingKind::Secret => {
            return Err(format!("expected {}, not a value under `settings`", expected(setting)));
        }
    };
    if fits { Ok(text) } else { Err(format!("expected {}", expected(setting))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Tenants, String> {
        read::tenants(yaml, Path::new("tenants.yaml")).map_err(|error| error.to_string())
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
      other: { keyring: cloud }
      last: { sealed: AAAA }
    grants:
      endpoints: [\"https://*.example\"]
      networks: [10.0.0.0/8, \"fd00::/8\"]
      plaintext-credentials: true
      ca-file: ca.pem
      proxy: none
    defaults:
      image: Debian 12
      operator-user: ops
      dns: [9.9.9.9, '2620:fe::fe']
      templates: { allow: ['b2-.*|c2-.*'], deny: [win], gpu-families: ['^g'], architecture: any }
      create-parallelism: 16
      single-hosts: false
  empty:
";
        let tenants = read(yaml).unwrap();
        let lab = tenants.get("lab").unwrap();
        assert_eq!(lab.name, "lab");
        assert_eq!(lab.settings["retries"], Scalar::Integer(3));
        assert_eq!(lab.settings["insecure"], Scalar::Boolean(false));
        assert_eq!(lab.secrets["token"], SecretSource::File("token".into()));
        assert_eq!(lab.secrets["other"], SecretSource::Keyring("cloud".into()));
        assert_eq!(lab.secrets["last"], SecretSource::Sealed("AAAA".into()));
        assert_eq!((lab.grants.networks.len(), lab.grants.proxy.as_deref()), (2, Some("none")));
        assert_eq!((lab.defaults.image(), lab.defaults.operator_user()), ("Debian 12", "ops"));
        assert_eq!(lab.defaults.dns, ["9.9.9.9", "2620:fe::fe"]);
        assert_eq!(lab.defaults.templates.allow, ["b2-.*|c2-.*"]);
        assert_eq!((lab.defaults.templates.architecture, lab.defaults.create_parallelism), (None, Some(16)));
        assert!(
            !lab.defaults.allows_single_hosts()
                && tenants.get("empty").unwrap().defaults.allows_single_hosts()
        );
        let place = lab.places.of("secrets", "token").unwrap().to_string();
        assert_eq!(place, "tenants.yaml:8:7: tenants.lab.secrets.token");
        let nowhere = lab.places.of("settings", "region").unwrap().to_string();
        assert_eq!(nowhere, "tenants.yaml:3:3: tenants.lab.settings.region");
        assert!(tenants.get("empty").unwrap().provider.is_empty());
        match tenants.get("lap").unwrap_err() {
            Error::NoTenant { name, known, .. } => {
                assert_eq!((name.as_str(), known), ("lap", vec!["empty".to_owned(), "lab".to_owned()]))
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_wrong_has_its_place_its_keys_and_what_was_expected() {
        for (yaml, error) in [
            ("tenant: {}\n", "1:1: tenant: unknown key; expected `tenants`; did you mean `tenants`?"),
            ("- a\n", "1:1: expected a map with the key `tenants`"),
            ("tenants: [a]\n", "1:10: tenants: expected a map of tenants by name"),
            (
                "tenants:\n  lab: x\n",
                "2:8: tenants.lab: expected a tenant: a map with the keys provider, settings, secrets, grants and defaults",
            ),
            (
                "tenants:\n  lab:\n    region: x\n",
                "3:5: tenants.lab.region: unknown key; expected one of provider, settings, secrets, grants, defaults",
            ),
            (
                "tenants:\n  lab:\n    setting: {}\n",
                "3:5: tenants.lab.setting: unknown key; expected one of provider, settings, secrets, grants, defaults; did you mean `settings`?",
            ),
            (
                "tenants:\n  lab:\n    grants:\n      ca_file: x\n",
                "4:7: tenants.lab.grants.ca_file: unknown key; expected one of endpoints, networks, plaintext-credentials, ca-file, proxy; did you mean `ca-file`?",
            ),
            (
                "tenants:\n  lab:\n    provider: [a]\n",
                "3:15: tenants.lab.provider: expected text: a plugin's id, name or path",
            ),
            (
                "tenants:\n  lab:\n    settings: 5\n",
                "3:15: tenants.lab.settings: expected a map of settings by name",
            ),
            (
                "tenants:\n  lab:\n    settings:\n      region: [a]\n",
                "4:15: tenants.lab.settings.region: expected text, a whole number, or true or false",
            ),
            (
                "tenants:\n  lab:\n    settings:\n      region:\n",
                "4:7: tenants.lab.settings.region: there is no value; expected text, a whole number, or true or false",
            ),
            (
                "tenants:\n  lab:\n    grants:\n      plaintext-credentials: 3\n",
                "4:30: tenants.lab.grants.plaintext-credentials: expected true or false",
            ),
            (
                "tenants:\n  lab:\n    grants:\n      networks: [10.0.0.0/8, north]\n",
                "4:30: tenants.lab.grants.networks: expected an address range, such as 10.0.0.0/8",
            ),
            (
                "tenants:\n  lab:\n    defaults:\n      images: x\n",
                "4:7: tenants.lab.defaults.images: unknown key; expected one of image, operator-user, dns, templates, create-parallelism, single-hosts, wait-for-boot; did you mean `image`?",
            ),
            (
                "tenants:\n  lab:\n    defaults:\n      operator-user: root\n",
                "4:22: tenants.lab.defaults.operator-user: expected a user's name: lower-case letters, digits, `-` and `_`, 32 at most, and not `root`",
            ),
            (
                "tenants:\n  lab:\n    defaults:\n      image: [a]\n",
                "4:14: tenants.lab.defaults.image: expected an image's name or id",
            ),
            (
                "tenants:\n  lab:\n    defaults:\n      dns: [9.9.9.9, dns.example]\n",
                "4:22: tenants.lab.defaults.dns: expected the address of a name server, such as 9.9.9.9",
            ),
            (
                "tenants:\n  lab:\n    defaults:\n      templates: { allow: [\"(\"] }\n",
                "4:28: tenants.lab.defaults.templates.allow: expected a regular expression on templates' names",
            ),
            (
                "tenants:\n  lab:\n    defaults:\n      create-parallelism: 65\n",
                "4:27: tenants.lab.defaults.create-parallelism: expected a whole number, 1 to 64",
            ),
            (
                "tenants:\n  lab:\n    secrets:\n      token: { env: A, file: b }\n",
                "4:14: tenants.lab.secrets.token: expected one source: env, file, command, keyring or sealed",
            ),
            (
                "tenants:\n  lab:\n    secrets:\n      token: { env: [A] }\n",
                "4:21: tenants.lab.secrets.token.env: expected the name of an environment variable",
            ),
            (
                "tenants:\n  lab:\n    secrets:\n      token: { command: pass }\n",
                "4:25: tenants.lab.secrets.token.command: expected a list: a program and its arguments",
            ),
            (
                "tenants:\n  lab:\n    secrets:\n      token: { value: x }\n",
                "4:16: tenants.lab.secrets.token: a secret's value cannot stand here as it is; `skywright tenant secret set lab token` seals it",
            ),
            (
                "tenants:\n  lab: {}\n  lab: {}\n",
                "3:3: tenants.lab: the key stands there twice; the first one is in line 2",
            ),
        ] {
            assert_eq!(read(yaml).unwrap_err(), format!("tenants.yaml:{error}"), "{yaml}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_does_not_stand_in_the_message() {
        for yaml in [
            "tenants:\n  lab:\n    secrets:\n      token: \"hunter2\n",
            "tenants:\n  lab:\n    secrets:\n      token: { value: hunter2 }\n",
            "tenants:\n  lab:\n    secrets:\n      token: { hunter2 }\n",
            "tenants:\n  lab:\n    secrets:\n      token: { hunter2: x }\n",
            "tenants:\n  lab:\n    secrets:\n      token: [hunter2]\n",
            "tenants:\n  lab:\n    secrets:\n      token: { command: hunter2 }\n",
            "tenants:\n  lab:\n    secrets:\n      token: hunter2\n",
            "tenants:\n  lab:\n    secrets: hunter2\n",
            "tenants:\n  lab:\n    settings:\n      token: [hunter2]\n",
            "tenants:\n  lab:\n    settings: { token: hunter2\n  other: {}\n",
            "tenants:\n  lab:\n    grants:\n      networks: [hunter2]\n",
            "tenants:\n  lab:\n    grants:\n      plaintext-credentials: hunter2\n",
            "tenants:\n  lab: hunter2\n",
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
                "the plugin declares no such setting; it declares: region, retries, insecure, auth-url, interface, password; did you mean `password`?",
            ),
        ] {
            assert_eq!(checked(&[(key, value.into())]).unwrap_err(), format!("setting `{key}`: {reason}"));
        }
        let error = Tenant::default().checked_settings(&declared()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "setting `auth-url`: it is required and has no default; expected a URL, such as https://cloud.example/v3"
        );
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
        assert_eq!(
            error.to_string(),
            "setting `password`: it is required and has no default; expected its source under `secrets`"
        );
    }
}
