//! The floating address that comes and goes with a host.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::prelude::*;

use crate::neutron::{Neutron, Resource, Standard, fields};
use crate::{external_network, intent, profile};

#[derive(Debug, Deserialize)]
struct FloatingIp {
    #[serde(flatten)]
    standard: Standard,
    port_id: Option<String>,
}

impl Resource for FloatingIp {
    const ONE: &'static str = "floatingip";
    const MANY: &'static str = "floatingips";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

fn of_intent(neutron: &Neutron, key: &str) -> Result<Vec<FloatingIp>, Error> {
    if let Some(api) = profile::current().addresses {
        let ids = api.keys()?.into_iter().filter(|(_, of)| of == key).map(|(id, _)| id);
        let found = ids.map(|id| neutron.one_if_there(&id)).collect::<Result<Vec<_>, _>>()?;
        return Ok(found.into_iter().flatten().collect());
    }
    let mut found = neutron.many::<FloatingIp>().query("description", intent::stamped("", key)?).all()?;
    // A cloud that does not know the filter gives them all.
    found.retain(|ip| ip.standard.intent().as_deref() == Some(key));
    Ok(found)
}

/// One for the port, with the intent of its host, unless it is there. It is looked for each time: a poll
/// whose answer was lost is made once more.
pub(crate) fn ensure(neutron: &Neutron, key: &str, port: &str) -> Result<(), Error> {
    let there = of_intent(neutron, key)?;
    if let Some(api) = profile::current().addresses {
        let id = match there.into_iter().next() {
            Some(ip) if ip.port_id.is_some() => return Ok(()),
            Some(ip) => ip.standard.id,
            None => api.allocate(key)?,
        };
        return neutron.put::<FloatingIp>(&id, &json!({ "port_id": port })).map(|_| ());
    }
    if !there.is_empty() {
        return Ok(());
    }
    let body = fields(json!({
        "floating_network_id": external_network::id(neutron)?,
        "port_id": port,
        "description": intent::stamped("", key)?,
    }));
    neutron.post::<FloatingIp>(body).map(|_| ()).map_err(|error| match error.category {
        Category::NotFound => error.with_hint("the subnet must be routed to the cloud's external network"),
        _ => error,
    })
}

/// Gives back those of a host. Those that are gone are done.
pub(crate) fn release(neutron: &Neutron, key: &str) -> Result<(), Error> {
    for ip in of_intent(neutron, key)? {
        neutron.delete::<FloatingIp>(&ip.standard.id)?;
    }
    Ok(())
}
