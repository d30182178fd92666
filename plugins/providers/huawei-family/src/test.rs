//! A small cloud in the shape of the vendor's documentation, and what the driver does with it.
//!
//! It is strict where the documentation is: a port and a floating IP take no description, nothing takes tags, a
//! gateway is mandatory, the pair of all addresses is refused, a bandwidth has a name of a few characters, a
//! subnet and its deletion take their time. What this does not prove: that a real cloud is like that. None was
//! asked, and there is neither an emulator nor recordings to be had.

mod cloud;

use skywright_openstack_family::{Dialect, Profile, Provider};
use skywright_sdk::addresses::Guest as _;
use skywright_sdk::hosts::{HostSpec, Nic};
use skywright_sdk::networks::{Guest as _, NetworkSpec, SubnetSpec};
use skywright_sdk::object_storage::Guest as _;
use skywright_sdk::prelude::*;
use skywright_sdk::{Intent, addresses, hosts, networks};

use cloud::{Cloud, play};

use crate::HUAWEI;

enum Example {}

impl Dialect for Example {
    const PROFILE: &'static Profile = &Profile {
        name: "example",
        auth_url: Some("https://iam.{region}.example.org/v3"),
        setting_defaults: &[("user-domain", ""), ("project-domain", "")],
        service_urls: &[("network", "https://vpc.{region}.example.org")],
        ..HUAWEI
    };
}

type Driven = Provider<Example>;

fn intent(key: &str, again: bool) -> Intent {
    Intent { key: key.to_owned(), again }
}

/// At the end of all polls.
fn done(outcome: Result<Outcome, Error>) -> String {
    let mut outcome = outcome.unwrap();
    for _ in 0..20 {
        match outcome {
            Outcome::Done(id) => return id,
            Outcome::Pending(pending) => outcome = Driven::poll(pending.token).unwrap(),
        }
    }
    panic!("it never ends");
}

fn network(key: &str, again: bool) -> Result<Outcome, Error> {
    <Driven as networks::Guest>::create(NetworkSpec {
        intent: intent(key, again),
        name: "net".to_owned(),
        cidr: "10.7.0.0/16".to_owned(),
        tags: vec![KeyValue::new("a", "b")],
    })
}

fn subnet(key: &str, again: bool, network: &str, cidr: &str) -> Result<Outcome, Error> {
    Driven::create_subnet(SubnetSpec {
        intent: intent(key, again),
        name: "sub".to_owned(),
        network: network.to_owned(),
        cidr: cidr.to_owned(),
        dns: Vec::new(),
        routed: true,
        tags: Vec::new(),
    })
}

#[test]
fn a_vpc_is_a_network_and_its_subnet_has_neutrons_id() {
    let cloud = play(Cloud::new().setting("dns-servers", "100.125.0.41, 100.126.0.41"), || {
        let vpc = done(network("n-1", false));
        assert_eq!(done(network("n-1", true)), vpc);
        let told = <Driven as networks::Guest>::get(vpc.clone()).unwrap();
        assert_eq!((told.name.as_str(), told.intent.as_deref()), ("net", Some("n-1")));

        let id = done(subnet("s-1", false, &vpc, "10.7.3.0/24"));
        assert!(id.starts_with("neutron-"), "{id}");
        assert_eq!(done(subnet("s-1", true, &vpc, "10.7.3.0/24")), id);
        let told = Driven::get_subnet(id.clone()).unwrap();
        assert_eq!((told.network.as_str(), told.gateway.as_deref()), (vpc.as_str(), Some("10.7.3.1")));
        assert_eq!(told.dns, ["100.125.0.41", "100.126.0.41"]);
        assert!(told.routed);
        assert_eq!(Driven::list_subnets(Some(vpc.clone()), None).unwrap().items, [told]);

        let error = <Driven as networks::Guest>::delete(vpc.clone()).unwrap_err();
        assert_eq!((error.category, error.subject.as_deref()), (Category::InUse, Some(id.as_str())));
        for _ in 0..2 {
            assert_eq!(done(Driven::delete_subnet(id.clone())), id);
            assert_eq!(done(<Driven as networks::Guest>::delete(vpc.clone())), vpc);
        }
        assert_eq!(<Driven as networks::Guest>::get(vpc).unwrap_err().category, Category::NotFound);
    });
    assert_eq!(cloud.left(), 0);
}

#[test]
fn what_lost_creates_left_is_taken_away() {
    let cloud = play(Cloud::new().setting("page-size", "1"), || {
        let vpc = done(network("n-2", false));
        done(network("n-3", false));
        network("n-3", false).unwrap();
        subnet("s-2", false, &vpc, "10.7.3.0/24").unwrap();
        subnet("s-2", false, &vpc, "10.7.4.0/24").unwrap();
        assert_eq!(
            <Driven as networks::Guest>::abandon("n-2".to_owned()).unwrap_err().category,
            Category::InUse
        );
        for _ in 0..2 {
            assert_eq!(done(Driven::abandon_subnet("s-2".to_owned())), "s-2");
            assert_eq!(done(<Driven as networks::Guest>::abandon("n-2".to_owned())), "n-2");
            assert_eq!(done(<Driven as networks::Guest>::abandon("n-3".to_owned())), "n-3");
        }
    });
    assert_eq!(cloud.left(), 0);
}

#[test]
fn what_cannot_be_leaves_nothing() {
    let cloud = play(Cloud::new(), || {
        let vpc = done(network("n-4", false));
        for cidr in ["fd00::/64", "10.7.0.0/29"] {
            assert_eq!(subnet("s-4", false, &vpc, cidr).unwrap_err().code, "bad-cidr");
        }
        let error = subnet("s-4", false, "no-such-vpc", "10.7.0.0/24").unwrap_err();
        assert_eq!((error.category, error.code.as_str()), (Category::NotFound, "VPC.0202"));
        let error = Driven::set_subnet_tags("s".to_owned(), Vec::new()).unwrap_err();
        assert_eq!(error.category, Category::Unsupported);
        let tagged = <Driven as networks::Guest>::list(vec![KeyValue::new("a", "b")], None).unwrap();
        assert_eq!(tagged.items, []);
        done(<Driven as networks::Guest>::delete(vpc));
    });
    assert_eq!(cloud.left(), 0);
}

fn host(key: &str, again: bool, subnet: &str) -> Result<Outcome, Error> {
    let nic =
        Nic { subnet: subnet.to_owned(), fixed_address: None, allowed_addresses: Vec::new(), forwards: true };
    <Driven as hosts::Guest>::create(HostSpec {
        intent: intent(key, again),
        name: "web".to_owned(),
        template: "s2.large.4".to_owned(),
        image: "image".to_owned(),
        zone: Some("eu-de-01".to_owned()),
        keypair: None,
        nics: vec![nic],
        public_address: true,
        security_groups: vec!["group".to_owned()],
        boot_disk_gib: None,
        user_data: Vec::new(),
        tags: Vec::new(),
    })
}

#[test]
fn a_host_has_a_port_that_tells_its_intent_and_a_public_address_with_a_bandwidth() {
    let cloud = play(Cloud::new().setting("bandwidth-mbit-s", "50"), || {
        let vpc = done(network("n-5", false));
        let subnet = done(subnet("s-5", false, &vpc, "10.7.3.0/24"));
        let id = done(host("h-5", false, &subnet));
        assert_eq!(done(host("h-5", true, &subnet)), id);
        let addresses = <Driven as addresses::Guest>::list(Vec::new(), None).unwrap().items;
        let [address] = addresses.as_slice() else { panic!("{addresses:?}") };
        assert_eq!((address.host.as_deref(), address.intent.as_deref()), (Some(id.as_str()), Some("h-5")));
        let error = Driven::delete_subnet(subnet.clone()).unwrap_err();
        assert_eq!((error.category, error.subject.as_deref()), (Category::InUse, Some(id.as_str())));

        let virtual_ip =
            Driven::create_virtual_ip(intent("v-5", false), "vip".to_owned(), subnet.clone(), Vec::new());
        let virtual_ip = virtual_ip.unwrap();
        assert_eq!((virtual_ip.name.as_str(), virtual_ip.intent.as_deref()), ("vip", Some("v-5")));
        Driven::bind_virtual_ip(virtual_ip.id.clone(), id.clone()).unwrap();
        Driven::abandon_virtual_ip("v-5".to_owned()).unwrap();

        for _ in 0..2 {
            assert_eq!(done(<Driven as hosts::Guest>::delete(id.clone())), id);
        }
        done(Driven::delete_subnet(subnet));
        done(<Driven as networks::Guest>::delete(vpc));
    });
    assert_eq!(cloud.bandwidths_made, [50]);
    assert_eq!(cloud.left(), 0);
}

#[test]
fn an_abandoned_host_leaves_nothing() {
    let cloud = play(Cloud::new(), || {
        let vpc = done(network("n-6", false));
        let subnet = done(subnet("s-6", false, &vpc, "10.7.3.0/24"));
        host("h-6", false, &subnet).unwrap();
        for _ in 0..2 {
            done(<Driven as hosts::Guest>::abandon("h-6".to_owned()));
        }
        done(Driven::delete_subnet(subnet));
        done(<Driven as networks::Guest>::delete(vpc));
    });
    assert_eq!(cloud.left(), 0);
}

#[test]
fn an_address_of_its_own_is_made_once() {
    let cloud = play(Cloud::new(), || {
        let allocated =
            |again| Driven::allocate(intent("a-7", again), vec![KeyValue::new("a", "b")]).unwrap();
        let address = allocated(false);
        assert_eq!(allocated(true).id, address.id);
        assert_eq!(address.intent.as_deref(), Some("a-7"));
        let long = Driven::allocate(intent(&"k".repeat(60), false), Vec::new()).unwrap_err();
        assert_eq!(long.code, "intent-too-long");
        <Driven as addresses::Guest>::abandon("a-7".to_owned()).unwrap();
    });
    assert_eq!(cloud.left(), 0);
}

#[test]
fn the_gateways_refusals_are_understood() {
    play(Cloud::new().throttled(), || {
        let error = <Driven as networks::Guest>::list(Vec::new(), None).unwrap_err();
        assert_eq!((error.category, error.code.as_str()), (Category::RateLimited, "APIGW.0308"));
        assert_eq!(error.retry, skywright_sdk::Retry::AfterMs(5000));
    });
}

/// Where OBS is, its keys being the tenant's own. Whether OBS takes them is not proved.
#[test]
fn keys_of_object_storage_are_the_tenants_own() {
    let tenant =
        || Cloud::new().setting("object-protocol", "s3").setting("s3-endpoint", "https://obs.example.org");
    play(tenant(), || {
        let error = Driven::access(false).unwrap_err();
        assert_eq!((error.category, error.code.as_str()), (Category::Unsupported, "no-s3-keys"));
    });
    play(tenant().credential("s3-access-key").credential("s3-secret-key"), || {
        let plane = Driven::access(false).unwrap();
        assert_eq!(plane.endpoint, "https://obs.example.org");
        let names: Vec<_> = plane.credentials.iter().map(|credential| credential.name.as_str()).collect();
        assert_eq!(names, ["s3-access-key", "s3-secret-key"]);
    });
}

#[test]
fn abilities_are_those_of_the_documentation() {
    play(Cloud::new(), || {
        let abilities = Driven::capabilities_of("eu-de".to_owned()).unwrap();
        assert_eq!(abilities.public_address_mode, PublicAddressMode::Floating);
        assert!(abilities.virtual_ip && !abilities.managed_nat && !abilities.ipv6);
    });
}
