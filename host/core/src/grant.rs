//! From what a plugin declares and a tenant sets to what the plugin may reach.
//!
//! A declared endpoint becomes a rule of the grant once the tenant's settings fill it in. A plugin
//! cannot give itself this machine or its network: an address or `localhost` written in the
//! declaration itself, not taken from a setting, is left out, and the report says so. A fixed *name*
//! in a declaration is trusted as much as the plugin's publisher; `plugin inspect` shows each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use skywright_egress::{
    CertificateAuthority, EndpointGrant, EndpointPattern, Grant, HttpLimits, Proxy, Rate, classify,
};
use skywright_runtime::driver::{DriverInfo, Endpoint};

use crate::error::Error;
use crate::tenant::Grants;

/// What became of each rule, for people.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GrantReport {
    /// What may be reached: endpoint name, pattern, credentials that may go there.
    pub endpoints: Vec<GrantedEndpoint>,
    /// What was declared and is not granted, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Ranges off the public internet.
    pub networks: Vec<String>,
}

/// One rule of a grant.
#[derive(Debug, Clone, Serialize)]
pub struct GrantedEndpoint {
    /// The endpoint's name.
    pub name: String,
    /// The pattern, filled in.
    pub pattern: String,
    /// Credentials that may be sent there.
    pub credentials: BTreeSet<String>,
}

/// A declared endpoint that grants nothing.
#[derive(Debug, Clone, Serialize)]
pub struct LeftOut {
    /// The endpoint's name.
    pub name: String,
    /// The pattern, as declared.
    pub pattern: String,
    /// Why.
    pub reason: String,
}

/// The grant of one tenant to one plugin. Paths in `grants` are relative to `base`.
///
/// # Errors
///
/// [`Error::Grant`] if a rule, the tenant's own or one filled in with its settings, does not parse.
pub fn grant_of(
    info: &DriverInfo,
    settings: &BTreeMap<String, String>,
    grants: &Grants,
    base: &Path,
) -> Result<(Grant, GrantReport), Error> {
    let mut report = GrantReport::default();
    let mut endpoints = Vec::new();
    for declared in &info.endpoints {
        match fill_in(declared, settings)? {
            Ok(pattern) => endpoints.push(EndpointGrant {
                name: declared.name.clone(),
                pattern,
                credentials: declared.credentials.iter().cloned().collect(),
                plaintext_credentials: grants.plaintext_credentials,
            }),
            Err(reason) => report.left_out.push(LeftOut {
                name: declared.name.clone(),
                pattern: declared.pattern.clone(),
                reason,
            }),
        }
    }
    for text in &grants.endpoints {
        endpoints.push(EndpointGrant {
            name: "tenant".to_owned(),
            pattern: parse(text, &format!("the tenant's endpoint `{text}`"))?,
            credentials: BTreeSet::new(),
            plaintext_credentials: false,
        });
    }
    report.endpoints = endpoints
        .iter()
        .map(|e| GrantedEndpoint {
            name: e.name.clone(),
            pattern: e.pattern.to_string(),
            credentials: e.credentials.clone(),
        })
        .collect();
    report.networks = grants.networks.iter().map(ToString::to_string).collect();
    let authorities = grants.ca_file.iter().map(|file| CertificateAuthority::File(base.join(file)));
    let grant = Grant {
        endpoints,
        networks: grants.networks.clone(),
        certificate_authorities: authorities.collect(),
        proxy: proxy(grants.proxy.as_deref())?,
        limits: HttpLimits::default(),
        rates: info.rates.iter().map(rate).collect(),
    };
    Ok((grant, report))
}

fn rate(declared: &skywright_runtime::driver::Rate) -> Rate {
    Rate {
        bucket: declared.bucket.clone(),
        requests: declared.requests,
        period_ms: declared.period_ms,
        in_flight: declared.in_flight,
    }
}

fn proxy(text: Option<&str>) -> Result<Proxy, Error> {
    match text {
        None => Ok(Proxy::System),
        Some("none") => Ok(Proxy::None),
        Some(url) => url.parse().map(Proxy::Url).map_err(|e| Error::Grant {
            what: format!("the tenant's proxy `{url}`"),
            reason: format!("{e}"),
        }),
    }
}

fn parse(text: &str, what: &str) -> Result<EndpointPattern, Error> {
    text.parse().map_err(|e| Error::Grant { what: what.to_owned(), reason: format!("{e}") })
}

/// The pattern with the tenant's settings in it; the inner error says why it grants nothing.
fn fill_in(
    declared: &Endpoint,
    settings: &BTreeMap<String, String>,
) -> Result<Result<EndpointPattern, String>, Error> {
    let filled = match fill_template(&declared.pattern, settings) {
        Ok(filled) => filled,
        Err(missing) => return Ok(Err(format!("the setting `{missing}` is not there"))),
    };
    let pattern = parse(&filled, &format!("the endpoint `{}` of the plugin, `{filled}`", declared.name))?;
    if names_special_address(&pattern) && !host_is_a_setting(&declared.pattern) {
        let reason = "it is an address of this machine or its network, and the plugin's own idea; \
                      add it to the tenant's `endpoints` and `networks` if it is right";
        return Ok(Err(reason.to_owned()));
    }
    Ok(Ok(pattern))
}

/// `localhost`, or the literal address of something that is not the public internet.
fn names_special_address(pattern: &EndpointPattern) -> bool {
    pattern.is_localhost() || pattern.literal_address().is_some_and(|address| classify(address).is_some())
}

/// Whether the host part is wholly a placeholder, so that the operator chose it.
fn host_is_a_setting(pattern: &str) -> bool {
    let host = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let host = host.strip_prefix("*.").unwrap_or(host);
    host.starts_with('{') && host.split_once('}').is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(':'))
}

/// Replaces `{key}`, `{key.host}` and `{key.scheme}`; fails with the key that is not there.
fn fill_template(pattern: &str, settings: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((placeholder, after)) = behind.split_once('}') else { break };
        filled.push_str(before);
        let (key, part) = placeholder.split_once('.').unwrap_or((placeholder, ""));
        let value = settings.get(key).filter(|value| !value.is_empty()).ok_or_else(|| key.to_owned())?;
        filled.push_str(&part_of(value, part).ok_or_else(|| placeholder.to_owned())?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A URL's origin, host or scheme; any other value as it is.
fn part_of(value: &str, part: &str) -> Option<String> {
    let url = url::Url::parse(value).ok().filter(|url| url.has_host());
    match (part, url) {
        ("", Some(url)) => Some(url.origin().ascii_serialization()),
        ("", None) => Some(value.to_owned()),
        ("host", Some(url)) => url.host_str().map(str::to_owned),
        ("scheme", Some(url)) => Some(url.scheme().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn placeholders_are_filled_in_from_settings() {
        let settings = settings(&[("auth-url", "https://keystone.example:5000/v3"), ("region", "eu-1")]);
        let fill = |pattern: &str| fill_template(pattern, &settings);
        assert_eq!(fill("{auth-url}").unwrap(), "https://keystone.example:5000");
        assert_eq!(fill("{auth-url.scheme}://{auth-url.host}:*").unwrap(), "https://keystone.example:*");
        assert_eq!(fill("https://ec2.{region}.example").unwrap(), "https://ec2.eu-1.example");
        assert_eq!(fill("{other}").unwrap_err(), "other");
    }

    fn info(pattern: &str) -> DriverInfo {
        DriverInfo {
            name: "x".into(),
            title: "x".into(),
            documentation: String::new(),
            settings: Vec::new(),
            endpoints: vec![Endpoint {
                name: "e".into(),
                pattern: pattern.into(),
                credentials: vec!["password".into()],
            }],
            rates: Vec::new(),
        }
    }

    #[test]
    fn a_plugin_cannot_give_itself_this_machine() {
        for own_idea in ["http://127.0.0.1:80", "http://169.254.169.254", "http://localhost:*", "http://10.0.0.1"] {
            let (grant, report) =
                grant_of(&info(own_idea), &settings(&[]), &Grants::default(), Path::new("/")).unwrap();
            assert!(grant.endpoints.is_empty() && report.left_out.len() == 1, "{own_idea}");
        }
        let settings = settings(&[("auth-url", "http://127.0.0.1:5000/v3")]);
        let (grant, _) =
            grant_of(&info("{auth-url}"), &settings, &Grants::default(), Path::new("/")).unwrap();
        assert_eq!(grant.endpoints.len(), 1);
    }
}
