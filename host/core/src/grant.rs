//! From what a plugin declares and a tenant sets to what the plugin may reach.
//!
//! A declared endpoint becomes a rule of the grant once the tenant's settings fill it in. A plugin
//! cannot give itself this machine or its network: `localhost`, and an address that is not on the
//! public internet, are left out unless the whole host is a setting that the operator wrote (a default
//! of the plugin's is the plugin's own idea), and the report says so. Link-local addresses, where clouds
//! keep their metadata, need a network of the tenant's in any case. A fixed *name* in a declaration is
//! trusted as much as the plugin's publisher; `plugin inspect` shows each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use skywright_egress::{
    AddressKind, CertificateAuthority, EndpointGrant, EndpointPattern, Grant, HttpLimits, Proxy, Rate,
    classify,
};
use skywright_runtime::driver::{DriverInfo, Endpoint};

use crate::error::Error;
use crate::tenant::Tenant;

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
pub fn grant_of(info: &DriverInfo, tenant: &Tenant, base: &Path) -> Result<(Grant, GrantReport), Error> {
    let settings = tenant.checked_settings(info)?;
    let grants = &tenant.grants;
    let mut report = GrantReport::default();
    let mut endpoints = Vec::new();
    for declared in &info.endpoints {
        match fill_in(declared, &settings, tenant)? {
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
            // The URL may carry a password.
            what: "the tenant's proxy".to_owned(),
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
    tenant: &Tenant,
) -> Result<Result<EndpointPattern, String>, Error> {
    let filled = match fill_template(&declared.pattern, settings) {
        Ok(filled) => filled,
        Err(missing) => return Ok(Err(format!("the setting `{missing}` is not there"))),
    };
    let pattern = parse(&filled, &format!("the endpoint `{}` of the plugin, `{filled}`", declared.name))?;
    let Some(kind) = special_address(&pattern) else { return Ok(Ok(pattern)) };
    let network =
        pattern.literal_address().is_some_and(|a| tenant.grants.networks.iter().any(|n| n.contains(&a)));
    if network {
        return Ok(Ok(pattern));
    }
    let written = host_setting(&declared.pattern).is_some_and(|key| tenant.settings.contains_key(key));
    if written && matches!(kind, AddressKind::Loopback | AddressKind::Private) {
        return Ok(Ok(pattern));
    }
    let reason = format!(
        "`{pattern}` is not on the public internet; if it is right, add its address to the tenant's `networks`"
    );
    Ok(Err(reason))
}

/// What sort of address the pattern names, if it is not one of the public internet.
fn special_address(pattern: &EndpointPattern) -> Option<AddressKind> {
    if pattern.is_localhost() {
        return Some(AddressKind::Loopback);
    }
    Some(classify(pattern.literal_address()?)?.kind)
}

/// The setting that the host part wholly is: `{key}`, `{key.host}`, with or without a scheme.
fn host_setting(pattern: &str) -> Option<&str> {
    let host = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let (placeholder, rest) = host.strip_prefix('{')?.split_once('}')?;
    let whole = rest.is_empty() || rest.starts_with(':');
    whole.then(|| placeholder.split('.').next().unwrap_or(placeholder))
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

    /// A plugin that declares one endpoint and one setting, `url`, with a default of its own.
    fn info(pattern: &str) -> DriverInfo {
        use skywright_runtime::driver::{Setting, SettingKind};
        DriverInfo {
            name: "x".into(),
            title: "x".into(),
            documentation: String::new(),
            settings: vec![Setting {
                key: "url".into(),
                kind: SettingKind::Url,
                required: true,
                default: Some("http://127.0.0.1:1".into()),
                choices: Vec::new(),
                description: String::new(),
            }],
            endpoints: vec![Endpoint {
                name: "e".into(),
                pattern: pattern.into(),
                credentials: vec!["password".into()],
            }],
            rates: Vec::new(),
        }
    }

    fn granted(pattern: &str, url: Option<&str>, networks: &[&str]) -> bool {
        let mut tenant = Tenant::default();
        tenant.settings.extend(url.map(|url| ("url".to_owned(), url.into())));
        tenant.grants.networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let (grant, report) = grant_of(&info(pattern), &tenant, Path::new("/")).unwrap();
        assert_eq!(grant.endpoints.len() + report.left_out.len(), 1);
        !grant.endpoints.is_empty()
    }

    #[test]
    fn a_plugin_cannot_give_itself_this_machine() {
        for own_idea in
            ["http://127.0.0.1:80", "http://169.254.169.254", "http://localhost:*", "http://10.0.0.1"]
        {
            assert!(!granted(own_idea, None, &[]), "{own_idea}");
        }
        assert!(!granted("{url}", None, &[]), "its own default");
        assert!(granted("https://api.example.org", None, &[]));
    }

    #[test]
    fn an_operator_names_this_machine_by_a_setting_and_metadata_by_a_network() {
        for pattern in ["{url}", "{url.scheme}://{url.host}:*"] {
            assert!(granted(pattern, Some("http://127.0.0.1:5000/v3"), &[]));
            assert!(granted(pattern, Some("http://10.1.2.3"), &[]));
            assert!(!granted(pattern, Some("http://169.254.169.254/"), &[]));
            assert!(granted(pattern, Some("http://169.254.169.254/"), &["169.254.169.254/32"]));
        }
        assert!(!granted("http://127.0.0.1:*", Some("http://127.0.0.1"), &[]));
    }
}
