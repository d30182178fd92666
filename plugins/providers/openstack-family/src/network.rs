//! Neutron's networks. Subnets carry the ranges; a network has none of its own.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::networks;
use skywright_sdk::prelude::*;

use crate::neutron::{Neutron, Resource, Standard, fields};
use crate::port::{self, Port};
use crate::subnet::Subnet;

/// A network.
#[derive(Debug, Deserialize)]
pub(crate) struct Network {
    #[serde(flatten)]
    pub(crate) standard: Standard,
}

impl Resource for Network {
    const ONE: &'static str = "network";
    const MANY: &'static str = "networks";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl Network {
    fn told(self) -> networks::Network {
        let (intent, tags) = (self.standard.intent(), self.standard.tags());
        networks::Network { id: self.standard.id, name: self.standard.name, intent, tags }
    }
}

/// Makes one. `cidr` is for clouds whose networks have a range.
pub(crate) fn create(spec: &networks::NetworkSpec) -> Result<Outcome, Error> {
    let wanted = fields(json!({ "name": spec.name }));
    let network = Neutron::open()?.create::<Network>(&spec.intent, &spec.tags, "", wanted)?;
    Ok(Outcome::Done(network.standard.id))
}

/// One, by its id.
pub(crate) fn get(id: &str) -> Result<networks::Network, Error> {
    Ok(Neutron::open()?.one::<Network>(id)?.told())
}

/// The project's own that are not external: those that others share with it are not its to manage.
pub(crate) fn list(tags: &[KeyValue], cursor: Option<&str>) -> Result<networks::NetworkPage, Error> {
    let neutron = Neutron::open()?;
    let own = neutron.many::<Network>().own().query("router:external", false);
    let page = own.tagged(tags)?.page(cursor)?.filter_map(|network| Some(network.told()));
    Ok(networks::NetworkPage { items: page.items, next: page.next })
}

/// Replaces its tags.
pub(crate) fn set_tags(id: &str, tags: &[KeyValue]) -> Result<(), Error> {
    Neutron::open()?.set_tags::<Network>(id, tags)
}

/// Deletes it, if it has no subnets: Neutron itself would take them along.
pub(crate) fn delete(id: &str) -> Result<Outcome, Error> {
    delete_with(&Neutron::open()?, id)?;
    Ok(Outcome::Done(id.to_owned()))
}

/// Deletes what a create has left.
pub(crate) fn abandon(key: &str) -> Result<Outcome, Error> {
    let neutron = Neutron::open()?;
    for network in neutron.carrying::<Network>(key)? {
        delete_with(&neutron, &network)?;
    }
    Ok(Outcome::Done(key.to_owned()))
}

fn delete_with(neutron: &Neutron, id: &str) -> Result<(), Error> {
    if let Some(subnet) = neutron.many::<Subnet>().query("network_id", id).all()?.first() {
        let subnet = &subnet.standard.id;
        let message = format!("the network is in use by its subnet {subnet}");
        return Err(Error::new(Category::InUse, "in-use", message).with_subject(subnet));
    }
    let answer = neutron.delete::<Network>(id);
    if let Err(error) = &answer
        && error.category == Category::InUse
    {
        let ports = neutron.many::<Port>().query("network_id", id).all()?;
        if let Some(error) = port::in_use("the network", &ports) {
            return Err(error);
        }
    }
    answer.map(|_| ())
}

#[cfg(test)]
mod tests {
    use skywright_sdk::networks::{Guest as _, NetworkSpec, SubnetSpec};
    use skywright_sdk::{Driver, Intent};

    use super::*;
    use crate::tenant::{Openstack, recorded};

    fn intent(key: &str, again: bool) -> Intent {
        Intent { key: key.to_owned(), again }
    }

    fn network_spec(key: &str, again: bool) -> NetworkSpec {
        NetworkSpec {
            intent: intent(key, again),
            name: format!("{key}-name"),
            cidr: "10.77.0.0/16".to_owned(),
            tags: vec![KeyValue::new("cluster", "one,two"), KeyValue::new("role", "net")],
        }
    }

    fn subnet_spec(key: &str, again: bool, network: &str, cidr: &str, routed: bool) -> SubnetSpec {
        SubnetSpec {
            intent: intent(key, again),
            name: format!("{key}-name"),
            network: network.to_owned(),
            cidr: cidr.to_owned(),
            dns: vec!["9.9.9.9".to_owned()],
            routed,
            tags: vec![KeyValue::new("role", "subnet")],
        }
    }

    /// The id, at the end of all polls.
    fn done(mut outcome: Outcome) -> String {
        loop {
            outcome = match outcome {
                Outcome::Done(id) => return id,
                Outcome::Pending(pending) => Openstack::poll(pending.token).unwrap(),
            }
        }
    }

    #[test]
    fn a_network_is_made_once_however_often_it_is_asked_for() {
        recorded("network").setting("page-size", "1").play(|| {
            let id = done(Openstack::create(network_spec("hn-net-1", false)).unwrap());
            // What a request that was lost and came through late leaves behind.
            let late = done(Openstack::create(network_spec("hn-net-1", false)).unwrap());
            assert_ne!(id, late);
            assert_eq!(done(Openstack::create(network_spec("hn-net-1", true)).unwrap()), id);
            assert_eq!(Openstack::get(late).unwrap_err().category, Category::NotFound);
            let network = Openstack::get(id.clone()).unwrap();
            assert_eq!(
                (network.name.as_str(), network.intent.as_deref()),
                ("hn-net-1-name", Some("hn-net-1"))
            );
            assert_eq!(network.tags, network_spec("", false).tags);

            Openstack::set_tags(id.clone(), vec![KeyValue::new("role", "other")]).unwrap();
            let tagged = |tags: &[KeyValue]| Openstack::list(tags.to_vec(), None).unwrap().items;
            let [found] = tagged(&[KeyValue::new("role", "other")]).try_into().unwrap();
            assert_eq!((found.id.as_str(), found.intent.as_deref()), (id.as_str(), Some("hn-net-1")));
            assert_eq!(tagged(&[KeyValue::new("role", "other"), KeyValue::new("cluster", "one,two")]), []);

            assert_eq!(Openstack::delete(id.clone()).unwrap(), Outcome::Done(id.clone()));
            assert_eq!(Openstack::delete(id.clone()).unwrap(), Outcome::Done(id));
        });
    }

    #[test]
    fn what_a_lost_create_left_is_taken_away() {
        recorded("network-abandoned").play(|| {
            let id = done(Openstack::create(network_spec("hn-net-2", false)).unwrap());
            let subnet = subnet_spec("hn-sub-2", false, &id, "10.77.0.0/24", true);
            // The router is made at the first poll, and never put before the subnet.
            let Outcome::Pending(first) = Openstack::create_subnet(subnet).unwrap() else { panic!() };
            let Outcome::Pending(_) = Openstack::poll(first.token).unwrap() else { panic!() };
            let error = Openstack::abandon("hn-net-2".to_owned()).unwrap_err();
            assert_eq!(error.category, Category::InUse);
            for _ in 0..2 {
                done(Openstack::abandon_subnet("hn-sub-2".to_owned()).unwrap());
                done(Openstack::abandon("hn-net-2".to_owned()).unwrap());
            }
            assert_eq!(Openstack::get(id.clone()).unwrap_err().category, Category::NotFound);
            assert_eq!(Openstack::set_tags(id, Vec::new()).unwrap_err().category, Category::NotFound);
        });
    }

    #[test]
    fn a_network_has_one_router_for_all_its_routed_subnets() {
        recorded("subnet-routed").play(|| {
            let network = done(Openstack::create(network_spec("hn-net-3", false)).unwrap());
            let first_spec = |again| subnet_spec("hn-sub-3", again, &network, "10.77.1.0/24", true);
            let first = done(Openstack::create_subnet(first_spec(false)).unwrap());
            assert_eq!(done(Openstack::create_subnet(first_spec(true)).unwrap()), first);
            let second = subnet_spec("hn-sub-4", false, &network, "10.77.2.0/24", true);
            let second = done(Openstack::create_subnet(second).unwrap());
            let mut third = subnet_spec("hn-sub-5", false, &network, "fd77::/64", false);
            third.dns.clear();
            let third = done(Openstack::create_subnet(third).unwrap());

            let subnet = Openstack::get_subnet(first.clone()).unwrap();
            assert!(subnet.routed);
            assert_eq!(
                (subnet.gateway.as_deref(), subnet.network.as_str()),
                (Some("10.77.1.1"), network.as_str())
            );
            assert_eq!(
                (subnet.dns, subnet.intent.as_deref()),
                (vec!["9.9.9.9".to_owned()], Some("hn-sub-3"))
            );
            assert_eq!(subnet.tags, [KeyValue::new("role", "subnet")]);
            let mut listed = Openstack::list_subnets(Some(network.clone()), None).unwrap().items;
            listed.sort_by(|a, b| a.name.cmp(&b.name));
            let listed: Vec<_> = listed.iter().map(|subnet| (subnet.id.as_str(), subnet.routed)).collect();
            assert_eq!(listed, [(first.as_str(), true), (second.as_str(), true), (third.as_str(), false)]);

            let error = Openstack::delete(network.clone()).unwrap_err();
            assert_eq!(error.category, Category::InUse);
            assert!([&first, &second, &third].contains(&&error.subject.unwrap()));
            Openstack::delete_subnet(first.clone()).unwrap();
            assert!(Openstack::get_subnet(second.clone()).unwrap().routed);
            for subnet in [second, third, first] {
                assert_eq!(done(Openstack::delete_subnet(subnet.clone()).unwrap()), subnet);
            }
            // Its router went with the last: it would hold a port.
            done(Openstack::delete(network).unwrap());
        });
    }

    #[test]
    fn a_change_that_is_cancelled_goes_back() {
        recorded("subnet-cancelled").play(|| {
            let network = done(Openstack::create(network_spec("hn-net-6", false)).unwrap());
            let spec = subnet_spec("hn-sub-6", false, &network, "10.77.1.0/24", true);
            let Outcome::Pending(first) = Openstack::create_subnet(spec).unwrap() else { panic!() };
            let Outcome::Pending(second) = Openstack::poll(first.token).unwrap() else { panic!() };
            let Outcome::Done(subnet) = Openstack::cancel(second.token).unwrap() else { panic!() };
            assert_eq!(Openstack::get_subnet(subnet).unwrap_err().category, Category::NotFound);
            done(Openstack::delete(network).unwrap());
        });
    }

    #[test]
    fn what_cannot_be_leaves_nothing() {
        recorded("network-refused").play(|| {
            let mut spec = network_spec("hn-net-7", false);
            spec.tags = vec![KeyValue::new("a", "x".repeat(255))];
            assert_eq!(Openstack::create(spec).unwrap_err().code, "tag-too-long");
            let spec = subnet_spec("hn-sub-7", false, "no-such-network", "10.0.0.0/24", true);
            assert_eq!(Openstack::create_subnet(spec).unwrap_err().category, Category::InvalidRequest);
            assert!(
                Openstack::list_subnets(Some("no-such-network".to_owned()), None).unwrap().items.is_empty()
            );
        });
    }
}
