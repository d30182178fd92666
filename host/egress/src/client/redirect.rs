//! Redirects: where an answer leads, and what of the request goes there.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};
use url::Url;

use crate::denial::Denial;
use crate::pattern::origin_of;
use crate::request::{Method, Replay};
use crate::text::Text;

/// One request on the way to an answer: the plugin's own, or one that a redirect made of it.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) replay: Replay,
    pub(crate) headers: Vec<(HeaderName, Text)>,
    pub(crate) body: Option<Text>,
    /// The origin that led here, if one did.
    pub(crate) redirected_by: Option<String>,
}

impl Hop {
    /// Whether it carries a credential that the host fills in, or one that the plugin wrote.
    fn has_credentials(&self) -> bool {
        let headers = self.headers.iter().any(|(name, value)| is_credential(name, value));
        headers || self.body.as_ref().is_some_and(|body| body.credentials().next().is_some())
    }
}

fn is_credential(name: &HeaderName, value: &Text) -> bool {
    *name == AUTHORIZATION || *name == COOKIE || value.credentials().next().is_some()
}

/// Whether a status is a redirect that is followed where there is a `Location`.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The request that a redirect asks for. It is still to be decided whether the grant allows it.
///
/// 303 makes a `GET` of everything but `HEAD`, 301 and 302 of `POST`, as browsers do; 307 and 308
/// send the same again. Another origin gets no header with a credential in it.
///
/// # Errors
///
/// [`Denial::Downgrade`] and [`Denial::BodyCredential`].
pub(crate) fn follow(hop: Hop, status: u16, target: Url) -> Result<Hop, Denial> {
    let mut next = Hop { url: target, redirected_by: Some(origin_of(&hop.url)), ..hop.clone() };
    let becomes_get = match status {
        303 => hop.method != Method::Head,
        301 | 302 => hop.method == Method::Post,
        _ => false,
    };
    if becomes_get {
        next.method = Method::Get;
        next.replay = Replay::Safe;
        next.body = None;
        next.headers.retain(|(name, _)| !name.as_str().starts_with("content-"));
    }
    let (from, to) = (origin_of(&hop.url), origin_of(&next.url));
    if hop.url.scheme() == "https" && next.url.scheme() == "http" && hop.has_credentials() {
        return Err(Denial::Downgrade { method: hop.method, from, to });
    }
    if hop.url.origin() != next.url.origin() {
        if let Some(credential) = next.body.as_ref().and_then(|body| body.credentials().next()) {
            let credential = credential.to_owned();
            return Err(Denial::BodyCredential { method: hop.method, from, to, credential });
        }
        next.headers.retain(|(name, value)| !is_credential(name, value));
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Part;

    fn hop(method: Method) -> Hop {
        let header = |name, part| (HeaderName::from_static(name), Text(vec![part]));
        Hop {
            method,
            url: Url::parse("https://a.example/v1").unwrap(),
            replay: Replay::Mutating,
            headers: vec![
                header("x-auth-token", Part::Secret("token".to_owned())),
                header("authorization", Part::Plain("AWS4-HMAC-SHA256 …".to_owned())),
                header("cookie", Part::Plain("session=1".to_owned())),
                header("content-type", Part::Plain("application/json".to_owned())),
                header("accept", Part::Plain("*/*".to_owned())),
            ],
            body: Some(Text::plain("{}")),
            redirected_by: None,
        }
    }

    fn names(hop: &Hop) -> Vec<&str> {
        hop.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn to(hop: Hop, status: u16, target: &str) -> Result<Hop, Denial> {
        follow(hop, status, Url::parse(target).unwrap())
    }

    #[test]
    fn the_method_changes_as_browsers_do_it() {
        use Method::{Delete, Get, Head, Patch, Post, Put};
        for (status, method, expected) in [
            (301, Post, Get),
            (302, Post, Get),
            (303, Post, Get),
            (303, Put, Get),
            (303, Delete, Get),
            (303, Head, Head),
            (301, Put, Put),
            (302, Patch, Patch),
            (301, Head, Head),
            (307, Post, Post),
            (308, Post, Post),
        ] {
            let next = to(hop(method), status, "https://a.example/v2").unwrap();
            assert_eq!(next.method, expected, "{status} {method}");
            let is_the_same_again =
                matches!(status, 307 | 308) || (status != 303 && method != Post) || method == Head;
            assert_eq!(next.body.is_some(), is_the_same_again, "{status} {method}");
            assert_eq!(names(&next).contains(&"content-type"), is_the_same_again, "{status} {method}");
            assert_eq!(next.replay == Replay::Mutating, is_the_same_again, "{status} {method}");
            assert!(names(&next).contains(&"x-auth-token"));
        }
    }

    #[test]
    fn another_origin_gets_no_credential() {
        for target in ["https://b.example/", "https://a.example:8443/", "https://a.example.evil.org/"] {
            let next = to(hop(Method::Get), 302, target).unwrap();
            assert_eq!(names(&next), ["content-type", "accept"], "{target}");
        }
    }

    #[test]
    fn credentials_are_not_led_out_of_tls() {
        let denied = to(hop(Method::Get), 302, "http://a.example/");
        assert!(matches!(denied, Err(Denial::Downgrade { .. })));
        let mut bare = hop(Method::Get);
        bare.headers.retain(|(name, value)| !is_credential(name, value));
        assert!(to(bare, 302, "http://a.example/").is_ok());
    }

    #[test]
    fn a_credential_in_a_body_stays_where_it_is() {
        let mut login = hop(Method::Post);
        login.body = Some(Text(vec![Part::SecretJson("password".to_owned())]));
        let denied = to(login.clone(), 307, "https://b.example/");
        assert!(matches!(denied, Err(Denial::BodyCredential { credential, .. }) if credential == "password"));
        assert!(to(login.clone(), 307, "https://a.example/v2").is_ok());
        assert!(to(login, 303, "https://b.example/").unwrap().body.is_none());
    }
}
