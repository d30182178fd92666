//! What can be said of a tenant's settings without asking the cloud.

use skywright_sdk::prelude::*;
use skywright_sdk::{credentials, settings};

use crate::description;
use crate::identity::{Method, base_url};
use crate::{profile, volume_type};

/// Every finding, each at the key that it is about.
pub(crate) fn findings(given: &[(String, String)]) -> Vec<Diagnostic> {
    let given = Given(given);
    let mut findings = settings::check(&description::settings(), given.0);
    findings.extend(keystone(&given));
    findings.extend(login(&given));
    findings.extend(volume_types(&given));
    findings
}

struct Given<'a>(&'a [(String, String)]);

impl Given<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == key && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A secret is listed without its value, or not at all.
    fn has_secret(&self, key: &str) -> bool {
        self.0.iter().any(|(known, _)| known == key) || credentials::available(key)
    }
}

fn keystone(given: &Given<'_>) -> Option<Diagnostic> {
    let error = base_url(given.value("auth-url")?).err()?;
    Some(Diagnostic::error("auth-url", error.message).with_detail(error.hint.unwrap_or_default()))
}

fn volume_types(given: &Given<'_>) -> Option<Diagnostic> {
    let error = volume_type::parsed(given.value("volume-types")?).err()?;
    Some(Diagnostic::error("volume-types", error.message).with_detail(error.hint.unwrap_or_default()))
}

fn login(given: &Given<'_>) -> Vec<Diagnostic> {
    let method = Method::of(|key| given.value(key).is_some());
    let mut findings = Vec::new();
    if !given.has_secret(method.secret()) {
        findings.push(match method {
            Method::Token => Diagnostic::error("user", "there is no way to log in").with_detail(
                "give user and password, application-credential-id and application-credential-secret, or token",
            ),
            _ => Diagnostic::error(method.secret(), "the secret of this login is missing"),
        });
    }
    let project = ["project-id", "project-name"].into_iter().find(|key| given.value(key).is_some());
    match (method, project) {
        (Method::ApplicationCredential, Some(key)) => findings.push(
            Diagnostic::warning(key, "not used").with_detail("an application credential carries its project"),
        ),
        (Method::ApplicationCredential, None) => {}
        (_, None) if profile::current().default_project.is_some() => {}
        (_, None) => {
            let detail = "give project-id, or project-name and project-domain";
            findings.push(Diagnostic::error("project-name", "the project is missing").with_detail(detail));
        }
        (_, Some("project-id")) if given.value("project-name").is_some() => findings.push(
            Diagnostic::warning("project-name", "not used")
                .with_detail("project-id says which project it is"),
        ),
        (_, Some(_)) => {}
    }
    if method == Method::ApplicationCredential && given.value("user").is_some() {
        let detail = "application-credential-id is there, so that is what logs in";
        findings.push(Diagnostic::warning("user", "not used").with_detail(detail));
    }
    findings
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Severity;
    use skywright_sdk::replay::Recording;

    use super::*;
    use crate::tenant::Openstack;

    fn validated(given: &[(&str, &str)]) -> Vec<(String, Severity)> {
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let findings = Recording::silent().play(|| Openstack::validate(given));
        findings.into_iter().map(|finding| (finding.path, finding.severity)).collect()
    }

    fn error(path: &str) -> (String, Severity) {
        (path.to_owned(), Severity::Error)
    }

    const URL: (&str, &str) = ("auth-url", "https://keystone.example.org:5000/v3");

    #[test]
    fn each_login_is_enough() {
        for login in [
            &[URL, ("user", "me"), ("password", ""), ("project-name", "p")][..],
            &[URL, ("application-credential-id", "0"), ("application-credential-secret", "")],
            &[URL, ("token", ""), ("project-id", "0")],
        ] {
            assert_eq!(validated(login), []);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(validated(&[]), [error("auth-url"), error("user"), error("project-name")]);
        assert_eq!(validated(&[URL, ("user", "me"), ("project-id", "0")]), [error("password")]);
        let credential = [URL, ("application-credential-id", "0")];
        assert_eq!(validated(&credential), [error("application-credential-secret")]);
    }

    #[test]
    fn a_secret_that_the_host_has_need_not_be_listed() {
        let given = [("auth-url", URL.1), ("user", "me"), ("project-id", "0")];
        let given = given.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let findings = Recording::silent().credential("password").play(|| Openstack::validate(given));
        assert_eq!(findings, []);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let login = [("user", "me"), ("password", ""), ("project-id", "0")];
        let with = |more: &[(&'static str, &'static str)]| validated(&[&login, more].concat());
        assert_eq!(with(&[("auth-url", "https://a:5000/v2.0")]), [error("auth-url")]);
        assert_eq!(with(&[("auth-url", "keystone")]), [error("auth-url")]);
        assert_eq!(with(&[URL, ("interface", "private")]), [error("interface")]);
        assert_eq!(with(&[URL, ("page-size", "all")]), [error("page-size")]);
        assert_eq!(with(&[URL, ("tenant", "x")]), [error("tenant")]);
        assert_eq!(with(&[URL, ("project-name", "p")]), [("project-name".to_owned(), Severity::Warning)]);
    }
}
