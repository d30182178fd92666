//! What several commands ask for in the same words.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::Name;

/// Labels and tags that a new resource shall have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// Keys with values.
    pub labels: BTreeMap<String, String>,
    /// Words.
    pub tags: BTreeSet<String>,
}

/// How hosts of a subnet reach the internet, and are reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayMode {
    /// A host with a public address stands between, and is the way in by SSH.
    #[default]
    Host,
    /// The cloud routes; nothing stands between, and there is no way in but public addresses.
    Managed,
    /// Neither.
    None,
}

impl FromStr for GatewayMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "host" => Ok(Self::Host),
            "managed" => Ok(Self::Managed),
            "none" => Ok(Self::None),
            _ => Err(Error::Invalid {
                what: "gateway".to_owned(),
                reason: "it is `host`, `managed` or `none`".to_owned(),
            }),
        }
    }
}

/// The machine that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRequest {
    /// A sizing expression; empty for the smallest.
    pub sizing: String,
    /// An image's name or id; the tenant's default where there is none.
    pub image: Option<String>,
    /// Where, if the cloud has several zones.
    pub zone: Option<String>,
}

/// A subnet that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetRequest {
    /// Its name.
    pub name: Name,
    /// Its range.
    pub cidr: Ipv4Net,
    /// Name servers; the tenant's, or the cloud's, where there are none.
    pub dns: Vec<String>,
    /// How its hosts reach the internet.
    pub gateway: GatewayMode,
    /// The gateway's name; `gw-` and the subnet's where there is none.
    pub gateway_name: Option<Name>,
    /// The gateway's SSH port.
    pub gateway_ssh_port: u16,
    /// The gateway's machine.
    pub gateway_machine: MachineRequest,
    /// Two gateways and an address that moves between them.
    pub failover: bool,
}

impl SubnetRequest {
    /// The names of its gateways.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] if the subnet's name leaves no room for the prefix.
    pub fn gateway_names(&self) -> Result<Vec<Name>, Error> {
        if self.gateway != GatewayMode::Host {
            return Ok(Vec::new());
        }
        let first: Name = match &self.gateway_name {
            Some(name) => name.clone(),
            None => format!("gw-{}", self.name).parse()?,
        };
        if !self.failover {
            return Ok(vec![first]);
        }
        let second = match &self.gateway_name {
            Some(name) => format!("{name}-2"),
            None => format!("gw2-{}", self.name),
        };
        Ok(vec![first, second.parse()?])
    }
}
