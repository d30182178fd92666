//! Public addresses, each with a bandwidth of its own, whose name carries the intent: the address itself has
//! neither name nor description that is there in every region. Neutron shows them as floating IPs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use skywright_openstack_family::{AddressApi, project_api};
use skywright_sdk::prelude::*;

use crate::BANDWIDTH;
use crate::listing::{self, Item};

/// Before the key, in a bandwidth's name.
const START: &str = "skywright-";

/// The longest name of a bandwidth.
const LONGEST: usize = 64;

/// The only kind there is outside China.
const KIND: &str = "5_bgp";

/// Public addresses by VPC v1.
#[derive(Debug)]
pub struct Eip;

#[derive(Deserialize)]
struct Answer {
    publicip: PublicIp,
}

#[derive(Deserialize)]
struct PublicIp {
    id: String,
}

#[derive(Deserialize)]
struct Bandwidth {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    publicip_info: Vec<BandwidthAddress>,
}

#[derive(Deserialize)]
struct BandwidthAddress {
    publicip_id: String,
}

impl Item for Bandwidth {
    const MANY: &'static str = "bandwidths";

    fn id(&self) -> &str {
        &self.id
    }
}

impl AddressApi for Eip {
    fn allocate(&self, key: &str) -> Result<String, Error> {
        let name = format!("{START}{key}");
        if name.len() > LONGEST {
            let message = format!(
                "the intent is longer than the {} characters there is room for",
                LONGEST - START.len()
            );
            return Err(Error::invalid("intent-too-long", message).with_subject(key));
        }
        let size = settings::integer(BANDWIDTH)?.unwrap_or(100);
        let body = json!({
            "publicip": { "type": KIND },
            "bandwidth": { "name": name, "size": size, "share_type": "PER", "charge_mode": "traffic" },
        });
        let made: Answer = project_api("v1")?.post("/publicips").json_body(&body).json()?;
        Ok(made.publicip.id)
    }

    /// A bandwidth that is shared by several addresses was not made here.
    fn keys(&self) -> Result<BTreeMap<String, String>, Error> {
        let all = listing::all::<Bandwidth>(&project_api("v1")?, &[])?;
        let keys = all.into_iter().filter_map(|bandwidth| {
            let key = bandwidth.name.strip_prefix(START)?.to_owned();
            let [address] = <[_; 1]>::try_from(bandwidth.publicip_info).ok()?;
            Some((address.publicip_id, key))
        });
        Ok(keys.collect())
    }
}
