//! A kill at every request, a refusal at every request, a lost answer at every request: nothing is lost and
//! nothing is made twice.

use std::collections::BTreeMap;
use std::time::Duration;

use skywright_core::Name;
use skywright_core::operation::{Change, Phase};
use skywright_core::resource::{
    CreateHosts, CreateNetwork, DeleteHosts, DeleteNetworks, GatewayMode, Labels, MachineRequest,
    SubnetRequest,
};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Site, Trouble};

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn network() -> CreateNetwork {
    let cidr = "192.168.0.0/24".parse().unwrap();
    let subnet = SubnetRequest {
        name: name("lan"),
        cidr,
        dns: Vec::new(),
        gateway: GatewayMode::Host,
        gateway_name: None,
        gateway_ssh_port: 22,
        gateway_machine: MachineRequest::default(),
        failover: true,
    };
    let labels = Labels::default();
    CreateNetwork { name: name("lan"), cidr, subnet: Some(subnet), labels, keep_on_failure: false }
}

pub(crate) fn hosts(count: u32) -> CreateHosts {
    CreateHosts {
        names: vec![name("web")],
        network: Some("lan".to_owned()),
        subnets: Vec::new(),
        single: false,
        public: true,
        domain: None,
        machine: MachineRequest { sizing: format!("cpu>=1,count={count}"), ..MachineRequest::default() },
        labels: Labels::default(),
        keep_on_failure: false,
    }
}

/// What the cloud has when a network with two gateways is there.
fn whole_network() -> BTreeMap<&'static str, usize> {
    BTreeMap::from([("host", 2), ("network", 1), ("security-group", 2), ("subnet", 1), ("virtual-ip", 1)])
}

pub(crate) async fn run(site: &Site, change: &dyn Change) -> Result<(), skywright_core::Error> {
    site.tenancy().await.run(change, &CancellationToken::new()).await
}

/// Runs a change in a process that falls silent at a request, and is then killed. Whether it came to its end.
pub(crate) async fn killed(site: &Site, change: &dyn Change, at: u32, trouble: Trouble) -> bool {
    let tenancy = site.doomed().await;
    site.cloud.trouble(at, trouble);
    let stop = CancellationToken::new();
    let ended = tokio::select! {
        ended = tenancy.run(change, &stop) => { ended.unwrap(); true }
        () = silence(site, at) => false,
    };
    site.cloud.calm();
    ended
}

/// Returns a moment after the cloud has got a request of this number.
async fn silence(site: &Site, at: u32) {
    while site.cloud.requests() < at {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_network_survives_a_kill_at_every_request() {
    for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
        for at in 1.. {
            let site = Site::new();
            let ended = killed(&site, &network(), at, trouble).await;
            if ended {
                assert!(at > 12, "{at} requests are too few for all that was made");
                break;
            }
            // The same command goes on where the killed one was.
            run(&site, &network()).await.unwrap_or_else(|error| panic!("{trouble:?} at {at}: {error}"));
            assert_eq!(site.cloud.census(), whole_network(), "{trouble:?} at {at}");
            let tenancy = site.tenancy().await;
            let view = tenancy.network("lan").await.unwrap();
            assert_eq!((view.status, view.subnets.as_slice()), ("ready", ["lan".to_owned()].as_slice()));
            assert_eq!(tenancy.operations().await.unwrap().len(), 1, "{trouble:?} at {at}");
        }
    }
}

#[tokio::test]
async fn another_command_finishes_what_was_cut_off() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    assert!(!killed(&site, &hosts(3), 5, Trouble::SilentAfter).await);
    run(&site, &DeleteHosts { references: vec!["web-2".to_owned()], ..delete_defaults() }).await.unwrap();
    let names: Vec<_> =
        site.tenancy().await.hosts(false).await.unwrap().into_iter().map(|host| host.name).collect();
    assert_eq!(names, ["gw-lan", "gw2-lan", "web-1", "web-3"]);
    assert_eq!(site.cloud.census()["host"], 4);
}

fn delete_defaults() -> DeleteHosts {
    serde_json::from_str(r#"{"references":[],"force":false}"#).unwrap()
}

#[tokio::test]
async fn deletes_survive_a_kill_at_every_request() {
    for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
        for at in 1.. {
            let site = Site::new();
            run(&site, &network()).await.unwrap();
            run(&site, &hosts(1)).await.unwrap();
            let delete = DeleteNetworks { references: vec!["lan".to_owned()], force: true };
            let ended = killed(&site, &delete, at, trouble).await;
            if !ended {
                site.tenancy().await.recover(&CancellationToken::new()).await.unwrap();
            }
            assert_eq!(site.cloud.census(), BTreeMap::new(), "{trouble:?} at {at}");
            let tenancy = site.tenancy().await;
            assert!(tenancy.networks(false).await.unwrap().is_empty(), "{trouble:?} at {at}");
            assert!(tenancy.hosts(false).await.unwrap().is_empty(), "{trouble:?} at {at}");
            if ended {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_at_any_request_leaves_nothing() {
    for at in 1.. {
        let site = Site::new();
        site.cloud.trouble(at, Trouble::Refused);
        let outcome = run(&site, &network()).await;
        site.cloud.calm();
        let Err(error) = outcome else { break };
        assert_eq!(error.code(), "refused", "at {at}");
        assert_eq!(site.cloud.census(), BTreeMap::new(), "at {at}");
        let tenancy = site.tenancy().await;
        assert!(tenancy.networks(false).await.unwrap().is_empty(), "at {at}");
        assert_eq!(tenancy.operations().await.unwrap()[0].phase, Phase::Undone, "at {at}");
        // The name is free again.
        run(&site, &network()).await.unwrap();
        assert_eq!(site.cloud.census(), whole_network(), "at {at}");
    }
}

#[tokio::test]
async fn a_lost_answer_at_any_request_doubles_nothing() {
    for at in 1.. {
        let site = Site::new();
        site.cloud.trouble(at, Trouble::AnswerLost);
        run(&site, &network()).await.unwrap_or_else(|error| panic!("at {at}: {error}"));
        assert_eq!(site.cloud.census(), whole_network(), "at {at}");
        if site.cloud.requests() < at {
            break;
        }
    }
}

#[tokio::test]
async fn who_stops_gets_everything_taken_back() {
    let site = Site::new();
    let tenancy = site.tenancy().await;
    let stop = CancellationToken::new();
    site.cloud.trouble(8, Trouble::SilentAfter);
    let change = network();
    let stopping = async {
        silence(&site, 8).await;
        site.cloud.calm();
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(tenancy.run(&change, &stop), stopping);
    assert_eq!(outcome.unwrap_err().code(), "stopped");
    assert_eq!(site.cloud.census(), BTreeMap::new());
}

#[tokio::test]
async fn what_is_kept_on_failure_can_be_finished_or_taken_back() {
    for finish in [true, false] {
        let site = Site::new();
        site.cloud.trouble(9, Trouble::Refused);
        let outcome = run(&site, &CreateNetwork { keep_on_failure: true, ..network() }).await;
        site.cloud.calm();
        assert_eq!(outcome.unwrap_err().code(), "refused");
        assert!(!site.cloud.census().is_empty());
        let tenancy = site.tenancy().await;
        let operation = tenancy.operations().await.unwrap().remove(0);
        assert_eq!(operation.phase, Phase::Failed);
        if finish {
            tenancy.resume(&operation.id, &CancellationToken::new()).await.unwrap();
            assert_eq!(site.cloud.census(), whole_network());
        } else {
            tenancy.abort(&operation.id).await.unwrap();
            assert_eq!(site.cloud.census(), BTreeMap::new());
            assert!(tenancy.networks(false).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn two_processes_do_not_meet_in_one_network() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    let (one, other) = (site.tenancy().await, site.tenancy().await);
    site.cloud.trouble(1, Trouble::SilentBefore);
    let delete = DeleteNetworks { references: vec!["lan".to_owned()], force: false };
    let stop = CancellationToken::new();
    let second = async {
        silence(&site, 1).await;
        let error = other.run(&delete, &CancellationToken::new()).await.unwrap_err();
        stop.cancel();
        error.to_string()
    };
    let (_, error) = tokio::join!(one.run(&delete, &stop), second);
    assert!(error.contains("held by process") && error.contains("(test)"), "{error}");
}
