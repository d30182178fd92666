//! Rules of a recipe as a whole: made when it is added, taken away when it is removed.

use serde::{Deserialize, Serialize};

use crate::plan::Protocol;
use crate::step::Targets;
use crate::work::{Firewall, Publish};

/// Ports that are open while the feature is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FirewallRule {
    /// The rule's name. Its step is `firewall-NAME`.
    pub name: String,
    /// Hosts that it is for; all if left out.
    #[serde(default, skip_serializing_if = "Targets::is_all")]
    pub targets: Targets,
    /// `443`, `80,443`, `30000-32767`. A template.
    pub ports: String,
    /// `tcp` if left out.
    #[serde(default)]
    pub protocol: Protocol,
    /// Networks that may use them; the target's own if left out. Templates; what renders to nothing is
    /// left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Whether the gateways of the target let it pass, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_gateways: bool,
}

impl FirewallRule {
    /// The work that makes it, or takes it away.
    #[must_use]
    pub fn work(&self, open: bool) -> Firewall {
        Firewall {
            name: self.name.clone(),
            ports: self.ports.clone(),
            protocol: self.protocol,
            sources: self.sources.clone(),
            at_gateways: self.at_gateways,
            open,
        }
    }
}

/// A service that the edge proxy leads to while the feature is there. Where there is no edge proxy, the
/// host refuses, or passes over it if it is told to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PublishRule {
    /// The route's name. Its step is `publish-NAME`.
    pub name: String,
    /// The host name that requests have to ask for; any if left out. A template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The path that requests begin with. A template.
    pub path: String,
    /// `http://address:port` or `https://address:port`. Templates; what renders to nothing is left out.
    pub upstreams: Vec<String>,
    /// Whether the path is taken off before a request goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip_path: bool,
    /// Networks that may use it; all if left out. Templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_from: Vec<String>,
    /// Networks that may not. Templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_from: Vec<String>,
}

impl PublishRule {
    /// The work that makes it, or takes it away.
    #[must_use]
    pub fn work(&self, present: bool) -> Publish {
        Publish {
            name: self.name.clone(),
            host_name: self.host_name.clone(),
            path: self.path.clone(),
            upstreams: self.upstreams.clone(),
            strip_path: self.strip_path,
            allowed_from: self.allowed_from.clone(),
            denied_from: self.denied_from.clone(),
            present,
        }
    }
}
