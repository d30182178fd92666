//! Tenants out of the files of other programs.

mod clouds;
mod safescale;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use zeroize::Zeroizing;

use super::file::source_block;
use super::{Grants, Scalar};
use crate::config::Wrong as _;
use crate::config::{self, Block, Entry, Mark, Node, Place, Value};
use crate::defaults::{Defaults, check_image, check_operator_user, check_pattern};
use crate::error::Error;
use crate::secret::SecretSource;

/// What a file of another program comes to.
pub struct Import {
    /// Which sort of file it is.
    pub format: ImportFormat,
    /// Tenants that can be carried over.
    pub tenants: Vec<ImportedTenant>,
    /// Tenants that cannot.
    pub skipped: Vec<SkippedTenant>,
}

/// A sort of file that tenants can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportFormat {
    /// SafeScale's `tenants.toml`, or the same as YAML or JSON.
    Safescale,
    /// OpenStack's `clouds.yaml`, with the `secure.yaml` beside it.
    Clouds,
}

/// A tenant of another program in Skywright's terms. It has no `Debug`: it holds secrets.
pub struct ImportedTenant {
    /// Its name.
    pub name: String,
    /// The id of the plugin that serves it.
    pub provider: &'static str,
    /// Settings.
    pub settings: BTreeMap<String, Scalar>,
    /// The secrets themselves.
    pub secrets: BTreeMap<String, Zeroizing<String>>,
    /// Grants.
    pub grants: Grants,
    /// Defaults.
    pub defaults: Defaults,
    /// What was not carried over.
    pub left_out: Vec<LeftOutKey>,
}

/// A key that was not carried over.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOutKey {
    /// The path of keys within the tenant, as it is written.
    pub key: String,
    /// Its line; `null` for a setting that came of several keys.
    pub line: Option<usize>,
    /// Why.
    pub reason: String,
}

/// A tenant that was not carried over.
#[derive(Debug, Clone, Serialize)]
pub struct SkippedTenant {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// Reads a file of SafeScale's or OpenStack's; which, its content says.
///
/// # Errors
///
/// [`Error::File`], and [`Error::Config`] if it is neither.
pub fn read_import(path: &Path) -> Result<Import, Error> {
    let text = Zeroizing::new(config::read_text(path)?);
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let root = if is_toml { config::parse_toml(&text, path)? } else { config::parse(&text, path)? };
    if let Some(clouds) = root.get("clouds") {
        return clouds::read(clouds, path);
    }
    match any_case(&root, "tenants").map(|entry| &entry.node) {
        Some(tenants) if tenants.items().is_some() => safescale::read(tenants, path),
        Some(tenants) => Err(Place::at(path, tenants.mark, "tenants")
            .wrong("expected a list, as SafeScale writes it; a map of tenants is Skywright's own and needs no import")),
        None => Err(Place::at(path, root.mark, "")
            .wrong("expected SafeScale's `tenants` or OpenStack's `clouds`")),
    }
}

impl ImportedTenant {
    fn new(name: &str, provider: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            provider,
            settings: BTreeMap::new(),
            secrets: BTreeMap::new(),
            grants: Grants::default(),
            defaults: Defaults::default(),
            left_out: Vec::new(),
        }
    }

    /// As it will stand in the tenants file; the secrets by these sources.
    #[must_use]
    pub fn block(&self, secrets: &BTreeMap<String, SecretSource>) -> Block {
        let mut parts = vec![("provider".to_owned(), Block::from(self.provider))];
        let settings: Vec<_> =
            self.settings.iter().map(|(key, value)| (key.clone(), scalar_block(value))).collect();
        let secrets: Vec<_> =
            secrets.iter().map(|(key, source)| (key.clone(), source_block(source))).collect();
        let mut grants = Vec::new();
        if self.grants.plaintext_credentials {
            grants.push(("plaintext-credentials".to_owned(), Block::Boolean(true)));
        }
        if let Some(file) = &self.grants.ca_file {
            grants.push(("ca-file".to_owned(), Block::Text(file.to_string_lossy().into_owned())));
        }
        for (name, entries) in [
            ("settings", settings),
            ("secrets", secrets),
            ("grants", grants),
            ("defaults", defaults_block(&self.defaults)),
        ] {
            if !entries.is_empty() {
                parts.push((name.to_owned(), Block::Map(entries)));
            }
        }
        Block::Map(parts)
    }

    /// Whether a login would go over plain http.
    #[must_use]
    pub fn logs_in_over_http(&self) -> bool {
        let url = self.settings.get("auth-url").map(ToString::to_string);
        url.is_some_and(|url| url.to_ascii_lowercase().starts_with("http://"))
    }

    /// Drops the settings and secrets that a plugin does not declare, and says so.
    pub fn keep_declared(&mut self, is_declared: impl Fn(&str) -> bool) {
        let keys = self.settings.keys().chain(self.secrets.keys());
        let undeclared: Vec<_> = keys.filter(|key| !is_declared(key)).cloned().collect();
        for key in undeclared {
            self.settings.remove(&key);
            self.secrets.remove(&key);
            let reason = format!("{} declares no such setting", self.provider);
            self.left_out.push(LeftOutKey { key, line: None, reason });
        }
    }

    fn leave_out(&mut self, key: impl Into<String>, mark: Mark, reason: impl Into<String>) {
        self.left_out.push(LeftOutKey { key: key.into(), line: Some(mark.line), reason: reason.into() });
    }

    /// Takes a value over, or says why not.
    fn take(&mut self, target: Target, key: &str, node: &Node) {
        let Some(text) = node.scalar().filter(|text| !text.is_empty()) else {
            if !matches!(node.value, Value::Null) && node.scalar().is_none() {
                self.leave_out(key, node.mark, "expected text");
            }
            return;
        };
        match target {
            Target::Setting(name) => self.set(name, text, key, node),
            Target::Number(name) => match text.trim().parse::<i64>() {
                Ok(_) => self.set(name, text.trim().to_owned(), key, node),
                Err(_) => self.leave_out(key, node.mark, "expected a whole number"),
            },
            Target::Both(one, other) => {
                self.set(one, text.clone(), key, node);
                self.set(other, text, key, node);
            }
            Target::Secret(name) => match self.secrets.get(name) {
                Some(first) if **first != text => self.leave_out(key, node.mark, twice(name)),
                _ => drop(self.secrets.insert(name.to_owned(), Zeroizing::new(text))),
            },
            Target::Default(which) => self.set_default(which, text, key, node),
            Target::Not(reason) => self.leave_out(key, node.mark, reason),
        }
    }

    fn set_default(&mut self, which: DefaultKey, text: String, key: &str, node: &Node) {
        let defaults = &mut self.defaults;
        let taken = match which {
            DefaultKey::Image => check_image(&text).map(|()| defaults.image = Some(text)),
            DefaultKey::OperatorUser => {
                check_operator_user(&text).map(|()| defaults.operator_user = Some(text))
            }
            DefaultKey::AllowedTemplates => {
                check_pattern(&text).map(|()| defaults.templates.allow = vec![text])
            }
            DefaultKey::DeniedTemplates => {
                check_pattern(&text).map(|()| defaults.templates.deny = vec![text])
            }
        };
        if let Err(expected) = taken {
            self.leave_out(key, node.mark, expected);
        }
    }

    fn set(&mut self, name: &str, text: String, key: &str, node: &Node) {
        match self.settings.get(name) {
            Some(first) if first.to_string() != text => self.leave_out(key, node.mark, twice(name)),
            _ => drop(self.settings.insert(name.to_owned(), Scalar::Text(text))),
        }
    }
}

/// An id says all of which project it is; the plugin would warn of the rest.
fn project_once(tenant: &mut ImportedTenant) {
    if tenant.settings.contains_key("project-id") {
        tenant.settings.remove("project-name");
        tenant.settings.remove("project-domain");
    }
}

fn twice(name: &str) -> String {
    format!("another key already says another `{name}`")
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// This setting.
    Setting(&'static str),
    /// This setting, which is a number.
    Number(&'static str),
    /// These two settings.
    Both(&'static str, &'static str),
    /// This secret.
    Secret(&'static str),
    /// This default.
    Default(DefaultKey),
    /// Nothing, for this reason.
    Not(&'static str),
}

/// A default that other programs know as well.
#[derive(Debug, Clone, Copy)]
enum DefaultKey {
    Image,
    OperatorUser,
    AllowedTemplates,
    DeniedTemplates,
}

/// The defaults that another program can say.
fn defaults_block(defaults: &Defaults) -> Vec<(String, Block)> {
    let text = |key: &str, value: &Option<String>| {
        value.as_ref().map(|value| (key.to_owned(), Block::Text(value.clone())))
    };
    let list = |key: &str, values: &[String]| {
        let items = values.iter().map(|value| Block::Text(value.clone())).collect();
        (!values.is_empty()).then(|| (key.to_owned(), Block::List(items)))
    };
    let (allow, deny) = (&defaults.templates.allow, &defaults.templates.deny);
    let templates: Vec<_> = [list("allow", allow), list("deny", deny)].into_iter().flatten().collect();
    let templates = (!templates.is_empty()).then(|| ("templates".to_owned(), Block::Map(templates)));
    let texts = [text("image", &defaults.image), text("operator-user", &defaults.operator_user)];
    texts.into_iter().chain([templates]).flatten().collect()
}

fn scalar_block(value: &Scalar) -> Block {
    match value {
        Scalar::Boolean(value) => Block::Boolean(*value),
        Scalar::Integer(value) => Block::Integer(*value),
        Scalar::Text(value) => Block::Text(value.clone()),
    }
}

/// The entry of a key, in whatever case it is written.
fn any_case<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    node.entries()?.iter().find(|entry| entry.key.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn import(name: &str, text: &str) -> Result<Import, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = |error: Error| error.to_string().replace(folder.path().to_str().unwrap(), "HOME");
        read_import(&path).map_err(error)
    }

    fn settings(tenant: &ImportedTenant) -> Vec<String> {
        let secrets = tenant.secrets.iter().map(|(key, value)| format!("secret {key}={}", **value));
        tenant.settings.iter().map(|(key, value)| format!("{key}={value}")).chain(secrets).collect()
    }

    fn left_out(tenant: &ImportedTenant) -> Vec<&str> {
        tenant.left_out.iter().map(|left_out| left_out.key.as_str()).collect()
    }

    const SAFESCALE: &str = r#"
[[tenants]]
name = "ovh1"
client = "ovh"
[tenants.identity]
OpenstackID = "user-1"
openstackpassword = "hunter2"
ApplicationKey = "0123456789"
AlternateApiConsumerKey = "hunter3"
[tenants.compute]
Region = "GRA11"
ProjectName = "1234"
DefaultImage = "Ubuntu 20.04"
OperatorUsername = "Safe Scale"
WhitelistTemplateRegexp = "b2-.*|c2-.*"
BlacklistTemplateRegexp = "("
ConcurrentMachineCreationLimit = 4
DNS = "9.9.9.9"
[tenants.network]
ProviderNetwork = "Ext-Net"
VPCName = "x"
[tenants.objectstorage]
AccessKey = "key-1"
SecretKey = "hunter4"
Suffix = "y"
[tenants.metadata]
CryptKey = "hunter5"
[[tenants]]
name = "amazon"
client = "aws"
"#;

    #[test]
    fn safescale_in_each_of_its_formats() {
        let toml = import("tenants.toml", SAFESCALE).unwrap();
        let expected = [
            "create-parallelism=4",
            "dns-servers=9.9.9.9",
            "external-network=Ext-Net",
            "project-id=0123456789",
            "region=GRA11",
            "user=user-1",
            "secret password=hunter2",
            "secret s3-access-key=key-1",
            "secret s3-secret-key=hunter4",
        ];
        let tenant = &toml.tenants[0];
        assert_eq!((tenant.name.as_str(), tenant.provider), ("ovh1", "skywright/ovh"));
        assert_eq!(settings(tenant), expected);
        let left = [
            "identity.AlternateApiConsumerKey",
            "compute.OperatorUsername",
            "compute.BlacklistTemplateRegexp",
            "network.VPCName",
            "objectstorage.Suffix",
            "metadata.CryptKey",
        ];
        assert_eq!(left_out(tenant), left);
        assert_eq!(tenant.defaults.image.as_deref(), Some("Ubuntu 20.04"));
        assert_eq!(tenant.defaults.templates.allow, ["b2-.*|c2-.*"]);
        let (path, block) = (Path::new("tenants.yaml"), tenant.block(&BTreeMap::new()));
        let text = config::set("", path, &["tenants", "ovh1"], &block).unwrap();
        let own = crate::tenant::read::tenants(&text, path).unwrap();
        assert_eq!(own.get("ovh1").unwrap().defaults, tenant.defaults);
        assert!(!serde_json::to_string(&tenant.left_out).unwrap().contains("hunter"));
        assert_eq!((toml.skipped[0].name.as_str(), toml.skipped[0].line), ("amazon", 28));
        let yaml = "tenants:\n- name: a\n  provider: OpenStack\n  IDENTITY: {IdentityEndpoint: 'https://k/v3', Username: u, Password: 5}\n  compute: {TenantName: t}\n";
        let json = r#"{"tenants":[{"name":"a","client":"openstack","identity":{"identityendpoint":"https://k/v3","USERNAME":"u","password":"5"},"compute":{"tenantname":"t"}}]}"#;
        for (name, text) in [("tenants.yaml", yaml), ("tenants.json", json)] {
            let import = import(name, text).unwrap();
            let expected = ["auth-url=https://k/v3", "project-name=t", "user=u", "secret password=5"];
            assert_eq!(settings(&import.tenants[0]), expected);
        }
    }

    #[test]
    fn clouds() {
        let text = "
clouds:
  lab:
    region_name: RegionOne
    interface: publicURL
    identity_api_version: 3
    verify: false
    cacert: ca.pem
    auth: { auth_url: 'http://127.0.0.1:5000/v3', username: demo, password: hunter2, project_name: demo, user_domain_id: default, project_domain_name: Default }
  app:
    auth_type: v3applicationcredential
    auth: { auth_url: 'https://auth.cloud.ovh.net/v3', application_credential_id: '1', application_credential_secret: hunter3 }
  sso: { auth_type: v3oidcpassword, auth: { auth_url: 'https://k' } }
  vendor: { profile: vexxhost, auth: { username: x } }
";
        let import = import("clouds.yaml", text).unwrap();
        let [lab, app] = import.tenants.as_slice() else { panic!("two tenants") };
        let expected = [
            "auth-url=http://127.0.0.1:5000/v3",
            "interface=public",
            "project-domain=Default",
            "project-name=demo",
            "region=RegionOne",
            "user=demo",
            "secret password=hunter2",
        ];
        assert_eq!(settings(lab), expected);
        assert_eq!(left_out(lab), ["verify"]);
        assert!(lab.logs_in_over_http() && !app.logs_in_over_http());
        assert!(lab.grants.ca_file.as_ref().unwrap().is_absolute());
        assert_eq!(app.provider, "skywright/ovh");
        assert!(settings(app).contains(&"secret application-credential-secret=hunter3".to_owned()));
        let skipped: Vec<_> = import.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
        assert_eq!(skipped, ["sso", "vendor"]);
    }

    #[test]
    fn secrets_beside_clouds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clouds.yaml");
        std::fs::write(&path, "clouds: { a: { auth: { auth_url: 'https://k', username: u } } }").unwrap();
        std::fs::write(path.with_file_name("secure.yaml"), "clouds: { a: { auth: { password: hunter2 } } }")
            .unwrap();
        let import = read_import(&path).map_err(|error| error.to_string()).unwrap();
        assert_eq!(settings(&import.tenants[0]), ["auth-url=https://k", "user=u", "secret password=hunter2"]);
    }

    #[test]
    fn what_is_neither_says_where() {
        for (name, text, error) in [
            ("x.yaml", "a: 1\n", "HOME/x.yaml:1:1: expected SafeScale's `tenants` or OpenStack's `clouds`"),
            ("x.yaml", "tenants:\n  lab: {}\n", "HOME/x.yaml:2:3: tenants: expected a list"),
            (
                "x.toml",
                "[[tenants]]\nname = \"a\"\n",
                "HOME/x.toml:1:1: tenants[0].client: expected the name of a provider",
            ),
            ("x.toml", "[[tenants]]\nclient = \"ovh\"\n", "HOME/x.toml:1:1: tenants[0].name: expected"),
            ("x.toml", "[[tenants]\n", "HOME/x.toml:1:"),
            ("x.yaml", "clouds: [a]\n", "HOME/x.yaml:1:9: clouds: expected a map"),
        ] {
            let found = import(name, text).err().unwrap();
            assert!(found.starts_with(error), "{text}: {found}");
        }
    }

    proptest! {
        #[test]
        fn no_file_breaks_it(text in "(clouds|tenants|auth|name|client|ovh|identity|[:{}\\[\\], \n-]){0,30}") {
            let _ = import("x.yaml", &text);
        }
    }
}
