//! One machine from its making to its end.

use skywright_machines::{MachineState, Machines};

use crate::rig::{device_modes, rig, traces};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_made_used_stopped_started_and_removed_and_leaves_nothing() {
    let Some(rig) = rig() else { return };
    let modes = device_modes();
    let network = rig.network("net").await;
    let subnet = rig.subnet(network, "sub", "10.77.1.0/24").await;
    let mut spec = rig.spec("first", &[subnet]);
    spec.public_address = true;
    spec.user_data = b"#!/bin/sh\necho told > /var/tmp/told\n".to_vec();
    let group = crate::rules::open_group(&rig, network).await;
    spec.groups = vec![group];
    let made = rig.machines.create_machine(spec.clone()).await.unwrap();
    assert_eq!(rig.machines.create_machine(spec).await.unwrap().id, made.id);
    let machine = rig.until(made.id, MachineState::Running).await;
    let address = machine.public_address.unwrap();
    let said = rig.ssh(address, &machine, "hostname; systemctl is-active ssh; id -un; sudo id -u; ip -br a");
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.starts_with("first\nactive\ndebian\n0\n"), "{said}");
    assert!(said.contains("10.77.1.2/24"), "{said}");
    rig.ssh(
        address,
        &machine,
        "while ! [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.1; done; echo kept > kept; sync",
    );

    rig.machines.stop_machine(machine.id, false).await.unwrap();
    rig.until(machine.id, MachineState::Stopped).await;
    rig.machines.start_machine(machine.id).await.unwrap();
    let machine = rig.until(machine.id, MachineState::Running).await;
    let said = rig.ssh(address, &machine, "cat kept /var/tmp/told");
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "kept\ntold\n");

    assert!(!traces(&rig).is_empty());
    rig.clear().await;
    assert_eq!(traces(&rig), Default::default());
    assert_eq!(device_modes(), modes);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_data_that_fails_says_where_and_one_that_was_cut_off_runs_again() {
    let Some(rig) = rig() else { return };
    let mut spec = rig.spec("fails", &[]);
    spec.user_data = b"#!/bin/sh\nset -e\necho one\nfalse # the failing line\n".to_vec();
    let failing = rig.machines.create_machine(spec).await.unwrap();
    let mut spec = rig.spec("cut", &[]);
    spec.user_data =
        b"#!/bin/sh\n[ -e /root/once ] && exec touch /root/twice\ntouch /root/once; sync; sleep 600\n"
            .to_vec();
    let cut = rig.machines.create_machine(spec).await.unwrap();
    let failing = rig.until(failing.id, MachineState::Running).await;
    let wait = "while ! [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.1; done; cat /var/lib/cloud/data/result.json";
    let said = rig.ssh(failing.public_address.unwrap(), &failing, wait);
    assert!(String::from_utf8_lossy(&said.stdout).contains("user-data ended with 1"), "{said:?}");
    let console = rig.machines.console(failing.id, 30).await.unwrap();
    assert!(console.contains("user-data ended with 1") && console.contains("one"), "{console}");

    let cut = rig.until(cut.id, MachineState::Running).await;
    let address = cut.public_address.unwrap();
    rig.ssh(address, &cut, "while ! sudo test -e /root/once; do sleep 0.1; done");
    rig.machines.stop_machine(cut.id, true).await.unwrap();
    rig.until(cut.id, MachineState::Stopped).await;
    rig.machines.start_machine(cut.id).await.unwrap();
    let cut = rig.until(cut.id, MachineState::Running).await;
    let said = rig.ssh(
        address,
        &cut,
        "while ! [ -e /var/lib/cloud/instance/boot-finished ]; do sleep 0.1; done; sudo test -e /root/twice",
    );
    assert!(said.status.success());
    rig.clear().await;
    assert_eq!(traces(&rig), Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_makes_no_sense_leaves_nothing() {
    let Some(rig) = rig() else { return };
    let refused = |change: &dyn Fn(&mut skywright_machines::MachineSpec)| {
        let mut spec = rig.spec("fine", &[]);
        change(&mut spec);
        let machines = rig.machines.clone();
        async move { machines.create_machine(spec).await.unwrap_err().code() }
    };
    assert_eq!(refused(&|spec| spec.name = "../etc".to_owned()).await, "argument");
    assert_eq!(refused(&|spec| spec.image = "../debian-12".to_owned()).await, "no-such");
    assert_eq!(refused(&|spec| spec.size.vcpus = 100_000).await, "capacity");
    assert_eq!(refused(&|spec| spec.size.memory_mib = u64::MAX).await, "capacity");
    assert_eq!(refused(&|spec| spec.user_data = b"#cloud-config\n".to_vec()).await, "unsupported-here");
    assert_eq!(refused(&|spec| spec.login_keys = vec!["ssh-ed25519 no\nroot".to_owned()]).await, "argument");
    assert_eq!(rig.machines.machines().await.unwrap(), []);
    rig.machines.reconcile().await.unwrap();
    assert_eq!(traces(&rig), Default::default());
}
