//! Keystone v3: how a tenant logs in.

use serde::Deserialize;
use serde_json::{Value, json};
use skywright_sdk::prelude::*;
use skywright_sdk::{cache, credentials, log, url};

use crate::description::SESSION;
use crate::fault::FAULTS;
use crate::profile;
use crate::service_catalog::{Service, ServiceCatalog};

/// How long a session and what was learnt with it are kept, in seconds. Keystone's own default is an
/// hour; where a cloud's is shorter, the 401 leads to a new login.
pub(crate) const SESSION_S: u32 = 3000;

/// How the tenant logs in: by the first of these whose settings are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    ApplicationCredential,
    Password,
    Token,
}

impl Method {
    /// `is_given` tells whether a setting that is no secret has a value.
    pub(crate) fn of(is_given: impl Fn(&str) -> bool) -> Self {
        if is_given("application-credential-id") {
            Self::ApplicationCredential
        } else if is_given("user") {
            Self::Password
        } else {
            Self::Token
        }
    }

    /// The secret setting that it needs.
    pub(crate) fn secret(self) -> &'static str {
        match self {
            Self::ApplicationCredential => "application-credential-secret",
            Self::Password => "password",
            Self::Token => "token",
        }
    }
}

/// The service catalog, and a session to use it with: the one there is, or a new login.
pub(crate) fn session() -> Result<ServiceCatalog, Error> {
    let key = cache_key()?;
    match cache::get(&key) {
        Some(catalog) if credentials::available(SESSION) => Ok(catalog),
        _ => login(),
    }
}

/// A new session after a 401, whatever the reason was: expired, revoked, Keystone restarted.
pub(crate) fn renew() -> Result<(), Error> {
    log::info!("the session is over; logging in again");
    credentials::forget(SESSION);
    login().map(|_| ())
}

fn login() -> Result<ServiceCatalog, Error> {
    let identity = Client::new(base_url(&auth_url()?)?).with_bucket("identity").with_errors(&FAULTS);
    let method = Method::of(|key| settings::text(key).is_some());
    let scope = match method {
        Method::ApplicationCredential => None,
        Method::Password | Method::Token => Some(scope()?),
    };
    let answer: Answer = identity
        .post("/auth/tokens")
        .replay(Replay::Idempotent)
        .json_with(|| request(method, scope.as_ref()))
        .capture_header("x-subject-token", SESSION, SESSION_S)
        .json()?;
    let Token { catalog, user, project } = answer.token;
    let catalog = ServiceCatalog::new(project.map(|project| project.id), catalog)
        .of_user(user.map(|user| user.id).unwrap_or_default());
    cache::put(&cache_key()?, &catalog, SESSION_S);
    Ok(catalog)
}

fn request(method: Method, scope: Option<&Value>) -> Value {
    let secret = Secret::named(method.secret());
    let identity = match method {
        Method::ApplicationCredential => json!({
            "methods": ["application_credential"],
            "application_credential": { "id": settings::text("application-credential-id"), "secret": secret },
        }),
        Method::Password => json!({
            "methods": ["password"],
            "password": { "user": {
                "name": settings::text("user"),
                "domain": { "name": settings::text("user-domain") },
                "password": secret,
            } },
        }),
        Method::Token => json!({ "methods": ["token"], "token": { "id": secret } }),
    };
    match scope {
        Some(scope) => json!({ "auth": { "identity": identity, "scope": scope } }),
        None => json!({ "auth": { "identity": identity } }),
    }
}

fn scope() -> Result<Value, Error> {
    if let Some(id) = settings::text("project-id") {
        return Ok(json!({ "project": { "id": id } }));
    }
    let name = match (settings::text("project-name"), profile::current().default_project) {
        (Some(name), _) => name,
        (None, Some(pattern)) => of_region(pattern)?,
        (None, None) => settings::required("project-name")?,
    };
    let domain = settings::text("project-domain").or_else(|| settings::text("user-domain"));
    Ok(json!({ "project": { "name": name, "domain": { "name": domain } } }))
}

/// Where Keystone is: the tenant says so, or the dialect knows.
pub(crate) fn auth_url() -> Result<String, Error> {
    if let Some(url) = settings::text("auth-url") {
        return Ok(url);
    }
    let profile = profile::current();
    let places = settings::text("region").and_then(|region| profile.places(&region));
    match (places, profile.auth_url) {
        (Some(places), _) => Ok(places.auth_url.to_owned()),
        (None, Some(pattern)) => of_region(pattern),
        (None, None) => settings::required("auth-url"),
    }
}

/// A pattern with the tenant's region in it.
fn of_region(pattern: &str) -> Result<String, Error> {
    if !pattern.contains("{region}") {
        return Ok(pattern.to_owned());
    }
    Ok(pattern.replace("{region}", &settings::required("region")?))
}

/// `auth-url` with its version, which people write or leave out.
pub(crate) fn base_url(auth_url: &str) -> Result<String, Error> {
    let url = auth_url.trim_end_matches('/');
    if url.ends_with("/v2.0") {
        let error = Error::unsupported("keystone-v2", "auth-url is of Keystone v2, which has no domains");
        return Err(error.with_subject("auth-url").with_hint("let it end in /v3"));
    }
    Ok(if url.ends_with("/v3") { url.to_owned() } else { url::join(url, "v3") })
}

/// By everything that the catalog depends on, so that a changed setting does not meet an old catalog.
fn cache_key() -> Result<String, Error> {
    let keys =
        ["application-credential-id", "user-domain", "user", "project-domain", "project-name", "project-id"];
    // The project may be that of the region.
    let keys = keys.into_iter().chain(profile::current().default_project.map(|_| "region"));
    let parts: Vec<String> = keys.map(|key| settings::text(key).unwrap_or_default()).collect();
    Ok(format!("service-catalog {} {parts:?}", auth_url()?))
}

#[derive(Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    catalog: Vec<Service>,
    user: Option<Named>,
    /// Not there where the login is of no project.
    project: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[cfg(test)]
mod tests {
    use skywright_sdk::replay::Recording;
    use skywright_sdk::{Catalog, Category};

    use super::*;
    use crate::tenant::{Openstack, played, recorded};
    use crate::{Profile, RegionPlaces};

    fn regions() -> Result<Vec<String>, Error> {
        Openstack::regions()
    }

    #[test]
    fn a_password_logs_in_once() {
        let twice = || (regions().unwrap(), regions().unwrap());
        let (first, second) = recorded("login-password").play(twice);
        assert_eq!(first, ["RegionOne"]);
        assert_eq!(first, second);
    }

    #[test]
    fn an_application_credential_logs_in() {
        let tenant = played("login-application-credential")
            .setting("application-credential-id", "APPLICATION-CREDENTIAL-ID")
            .credential("application-credential-secret");
        assert_eq!(tenant.play(regions).unwrap(), ["RegionOne"]);
    }

    #[test]
    fn a_token_logs_in() {
        let tenant = played("login-token").setting("project-name", "demo").credential("token");
        assert_eq!(tenant.play(regions).unwrap(), ["RegionOne"]);
    }

    #[test]
    fn a_wrong_password_is_said_to_be_one() {
        let error = recorded("login-refused").play(regions).unwrap_err();
        assert_eq!((error.category, error.http_status), (Category::Unauthenticated, Some(401)));
        assert!(error.hint.unwrap().contains("credentials"));
        assert_eq!(error.message, "the request you have made requires authentication");
    }

    #[test]
    fn an_expired_session_is_renewed_once() {
        let zones = recorded("session-expired").play(Openstack::zones).unwrap();
        assert_eq!(zones[0].name, "nova");
    }

    #[test]
    fn a_session_that_cannot_be_renewed_is_forgotten() {
        let (error, left) = recorded("login-refused").credential(SESSION).play(|| {
            let error = renew().unwrap_err();
            (error, credentials::available(SESSION))
        });
        assert_eq!((error.category, left), (Category::Unauthenticated, false));
    }

    #[test]
    fn the_version_may_be_left_out() {
        assert_eq!(base_url("https://a:5000").unwrap(), "https://a:5000/v3");
        assert_eq!(base_url("https://a/identity/v3/").unwrap(), "https://a/identity/v3");
        assert_eq!(base_url("https://a:5000/v2.0/").unwrap_err().category, Category::Unsupported);
    }

    #[test]
    fn a_dialect_knows_where_keystone_is() {
        static FIXED: Profile = Profile {
            auth_url: Some("https://{region}.a/v3"),
            regions: &[RegionPlaces { region: "ch", auth_url: "https://c/v3", s3_endpoint: "https://s" }],
            ..Profile::GENERIC
        };
        let url = |tenant: Recording| tenant.play(|| FIXED.scope(auth_url));
        let region = |name: &str| Recording::silent().setting("region", name);
        assert_eq!(url(region("eu")).unwrap(), "https://eu.a/v3");
        assert_eq!(url(region("ch")).unwrap(), "https://c/v3");
        assert_eq!(url(region("ch").setting("auth-url", "http://b:5000")).unwrap(), "http://b:5000");
        assert_eq!(url(Recording::silent()).unwrap_err().subject.as_deref(), Some("region"));
    }

    #[test]
    fn a_project_may_be_that_of_the_region() {
        static OF_REGION: Profile = Profile { default_project: Some("{region}"), ..Profile::GENERIC };
        let tenant = || Recording::silent().setting("region", "eu").setting("user-domain", "D");
        let project = |tenant: Recording| tenant.play(|| OF_REGION.scope(scope)).unwrap();
        let named =
            |name: &str, domain: &str| json!({ "project": { "name": name, "domain": { "name": domain } } });
        assert_eq!(project(tenant()), named("eu", "D"));
        let other = tenant().setting("project-name", "eu_x").setting("project-domain", "E");
        assert_eq!(project(other), named("eu_x", "E"));
    }

    #[test]
    fn without_a_project_nothing_is_sent() {
        let tenant = Recording::silent().setting("auth-url", "http://a:5000").setting("user", "me");
        let error = tenant.play(regions).unwrap_err();
        assert_eq!(error.subject.as_deref(), Some("project-name"));
    }
}
