//! What a tenant says of the resources that are made for it.

use serde::Serialize;
use serde_json::{Value, json};
use skywright_sizing::{TemplateOptions, TemplateRules};

/// The image of new hosts where nobody says.
const IMAGE: &str = "Ubuntu 24.04";

/// Who logs in to new hosts where nobody says.
const OPERATOR_USER: &str = "skywright";

/// What is taken where a command does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The image of new hosts; `Ubuntu 24.04` where there is none.
    pub image: Option<String>,
    /// Who logs in to new hosts; `skywright` where there is none.
    pub operator_user: Option<String>,
    /// Name servers of new subnets; the cloud's own where there are none.
    pub dns: Vec<String>,
    /// Which templates may be used, and which of them first.
    pub templates: TemplateOptions,
    /// How many hosts are made at once, 1 to 64; what the driver says where there is none.
    pub create_parallelism: Option<u32>,
    /// Whether hosts may be made in no network, with a public address alone; they may where it is not said.
    pub single_hosts: Option<bool>,
    /// Whether `host create` waits for the end of a host's first boot; it does where it is not said.
    pub wait_for_boot: Option<bool>,
}

/// One of the defaults, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DefaultView {
    /// Its key in the tenants file; with a `.` between two.
    pub key: &'static str,
    /// What counts; `null` where the cloud or its driver decides.
    pub value: Value,
    /// `tenant` if the tenants file says it, `default` if nobody does.
    pub origin: &'static str,
}

impl Defaults {
    /// The image of new hosts.
    #[must_use]
    pub fn image(&self) -> &str {
        self.image.as_deref().unwrap_or(IMAGE)
    }

    /// Who logs in to new hosts.
    #[must_use]
    pub fn operator_user(&self) -> &str {
        self.operator_user.as_deref().unwrap_or(OPERATOR_USER)
    }

    /// Whether hosts may be made in no network.
    #[must_use]
    pub fn allows_single_hosts(&self) -> bool {
        self.single_hosts.unwrap_or(true)
    }

    /// Whether a host is waited for until its first boot is over.
    #[must_use]
    pub fn waits_for_boot(&self) -> bool {
        self.wait_for_boot.unwrap_or(true)
    }

    /// All of them, with what counts where the tenant does not say.
    #[must_use]
    pub fn views(&self) -> Vec<DefaultView> {
        let view = |key, value: Value, own| {
            let origin = if own { "tenant" } else { "default" };
            DefaultView { key, value, origin }
        };
        let list = |key, list: &[String]| {
            let value = if list.is_empty() { Value::Null } else { json!(list) };
            view(key, value, !list.is_empty())
        };
        let templates = &self.templates;
        let architecture = templates.architecture.map_or("any".to_owned(), |word| word.to_string());
        let usual = TemplateOptions::default();
        vec![
            view("image", json!(self.image()), self.image.is_some()),
            view("operator-user", json!(self.operator_user()), self.operator_user.is_some()),
            list("dns", &self.dns),
            list("templates.allow", &templates.allow),
            list("templates.deny", &templates.deny),
            list("templates.gpu-families", &templates.gpu_families),
            view("templates.architecture", json!(architecture), templates.architecture != usual.architecture),
            view("create-parallelism", json!(self.create_parallelism), self.create_parallelism.is_some()),
            view("single-hosts", json!(self.allows_single_hosts()), self.single_hosts.is_some()),
            view("wait-for-boot", json!(self.waits_for_boot()), self.wait_for_boot.is_some()),
        ]
    }
}

/// That a text can be the name or id of an image. The error says what was expected.
pub(crate) fn check_image(text: &str) -> Result<(), &'static str> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control);
    if fits { Ok(()) } else { Err("expected an image's name or id") }
}

/// That a text can be who logs in: a name that Linux takes, and not the one that may do everything anyway.
pub(crate) fn check_operator_user(text: &str) -> Result<(), &'static str> {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if first && text.len() <= 32 && text.chars().all(rest) && text != "root" {
        return Ok(());
    }
    Err("expected a user's name: lower-case letters, digits, `-` and `_`, 32 at most, and not `root`")
}

/// That a text can be a pattern on templates' names.
pub(crate) fn check_pattern(text: &str) -> Result<(), &'static str> {
    let options = TemplateOptions { allow: vec![text.to_owned()], ..TemplateOptions::default() };
    match TemplateRules::new(&options) {
        Ok(_) if !text.is_empty() => Ok(()),
        _ => Err("expected a regular expression on templates' names"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said() {
        for (check, right, wrong) in [
            (
                check_image as fn(&str) -> Result<(), &'static str>,
                &["Debian 12", "5d0c"][..],
                &["", " ", "a\nb"][..],
            ),
            (check_operator_user, &["ops", "_x", "a-1"], &["", "root", "Ops", "1a", "a b", "a:b", "é"]),
            (check_pattern, &["^b2-.*", "b2|c2"], &["", "(", "[a"]),
        ] {
            assert!(right.iter().all(|text| check(text).is_ok()), "{right:?}");
            assert!(wrong.iter().all(|text| check(text).is_err()), "{wrong:?}");
        }
    }

    #[test]
    fn views_say_what_counts_and_who_says_it() {
        let defaults = Defaults { image: Some("Debian 12".to_owned()), ..Defaults::default() };
        let views = defaults.views();
        let told = |key: &str| views.iter().find(|view| view.key == key).map(|v| (v.value.clone(), v.origin));
        assert_eq!(told("image"), Some((json!("Debian 12"), "tenant")));
        assert_eq!(told("operator-user"), Some((json!("skywright"), "default")));
        assert_eq!(told("dns"), Some((Value::Null, "default")));
        assert_eq!(told("single-hosts"), Some((json!(true), "default")));
    }
}
