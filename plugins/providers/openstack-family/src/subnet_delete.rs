//! How a subnet is deleted: its place behind routers, those that were made for it, itself.

use skywright_sdk::prelude::*;

use crate::neutron::Neutron;
use crate::port::{self, Port};
use crate::router;
use crate::subnet::Subnet;

/// Deletes it with the router that was made for it, if no host is in it. What an earlier try has done already is
/// not there to be done again.
pub(crate) fn delete(neutron: &Neutron, id: &str) -> Result<(), Error> {
    let Some(Subnet { network_id, .. }) = neutron.one_if_there(id)? else { return Ok(()) };
    let (interfaces, others): (Vec<Port>, Vec<Port>) =
        ports(neutron, id)?.into_iter().partition(Port::is_router_interface);
    if let Some(error) = port::in_use("the subnet", &others) {
        return Err(error);
    }
    for interface in interfaces {
        router::remove_subnet(neutron, &interface.device_id, id)?;
    }
    router::delete_idle(neutron, &network_id)?;
    match neutron.delete::<Subnet>(id) {
        Err(error) if error.category == Category::InUse => {
            Err(port::in_use("the subnet", &ports(neutron, id)?).unwrap_or(error))
        }
        answer => answer.map(|_| ()),
    }
}

fn ports(neutron: &Neutron, subnet: &str) -> Result<Vec<Port>, Error> {
    neutron.many::<Port>().query("fixed_ips", format!("subnet_id={subnet}")).all()
}
