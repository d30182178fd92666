//! Many machines at once, and what one costs. Nothing is asserted of times: they are printed.

use std::time::Instant;

use skywright_machines::{Machine, MachineState, Machines};

use crate::rig::{Rig, rig, traces};

async fn up(rig: &Rig, name: &str) -> Machine {
    let made = rig.machines.create_machine(rig.spec(name, &[])).await.unwrap();
    let machine = rig.until(made.id, MachineState::Running).await;
    tokio::task::block_in_place(|| rig.wait_for_ssh(machine.public_address.unwrap(), &machine));
    machine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 12)]
async fn ten_machines_come_up_at_once() {
    let Some(rig) = rig() else { return };
    rig.machines.prepare_image(crate::rig::IMAGE, |_| {}).await.unwrap();
    let begun = Instant::now();
    let first = up(&rig, "first").await;
    println!("MEASURED first machine to SSH: {:.2?}", begun.elapsed());
    let begun = Instant::now();
    let rig = std::sync::Arc::new(rig);
    let more: Vec<_> = (0..10)
        .map(|number| {
            let rig = std::sync::Arc::clone(&rig);
            tokio::spawn(async move { up(&rig, &format!("more{number}")).await })
        })
        .collect();
    let mut machines = vec![first];
    for machine in more {
        machines.push(machine.await.unwrap());
    }
    println!("MEASURED ten machines to SSH: {:.2?}", begun.elapsed());
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    println!(
        "MEASURED resident memory a machine, its share of shared pages: {} KiB (median)",
        resident_kib(&rig)
    );
    let addresses: std::collections::BTreeSet<_> =
        machines.iter().map(|m| m.public_address.unwrap()).collect();
    let keys: std::collections::BTreeSet<_> =
        machines.iter().map(|m| m.host_keys[0].fingerprint.clone()).collect();
    assert_eq!((addresses.len(), keys.len()), (11, 11));
    let begun = Instant::now();
    rig.clear().await;
    println!("MEASURED eleven machines gone: {:.2?}", begun.elapsed());
    assert_eq!(traces(&rig), Default::default());
}

/// The resident pages of all processes of a machine, and of its supervisor: what several processes share is
/// shared out among them.
fn resident_kib(rig: &Rig) -> u64 {
    let mut all = std::collections::BTreeMap::<String, u64>::new();
    let tag = crate::rig::tag_of(rig);
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let group = std::fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        let Some((_, rest)) = group.split_once(&format!("skywright-{tag}/")) else { continue };
        let machine: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        let pss = std::fs::read_to_string(entry.path().join("smaps_rollup")).unwrap_or_default();
        let kib = pss
            .lines()
            .find_map(|line| line.strip_prefix("Pss:")?.trim().trim_end_matches(" kB").parse().ok());
        *all.entry(machine).or_default() += kib.unwrap_or(0_u64);
    }
    let mut sums: Vec<u64> = all.into_values().collect();
    sums.sort_unstable();
    sums[sums.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_do_not_meet() {
    let (Some(one), Some(two)) = (rig(), rig()) else { return };
    let mut machines = Vec::new();
    for rig in [&one, &two] {
        let network = rig.network("net").await;
        let subnet = rig.subnet(network, "sub", "10.77.1.0/24").await;
        let group = crate::rules::open_group(rig, network).await;
        let mut spec = rig.spec("same", &[subnet]);
        (spec.public_address, spec.groups) = (true, vec![group]);
        let made = rig.machines.create_machine(spec).await.unwrap();
        machines.push(rig.until(made.id, MachineState::Running).await);
    }
    for (rig, machine) in [&one, &two].into_iter().zip(&machines) {
        let said = rig.ssh(machine.public_address.unwrap(), machine, "hostname");
        assert_eq!(said.stdout, b"same\n");
    }
    assert_ne!(machines[0].public_address, machines[1].public_address);
    one.clear().await;
    assert_eq!(traces(&one), Default::default());
    assert_eq!(two.machines.reconcile().await.unwrap(), Default::default());
    let said = two.ssh(machines[1].public_address.unwrap(), &machines[1], "hostname");
    assert_eq!(said.stdout, b"same\n");
    two.clear().await;
    assert_eq!(traces(&two), Default::default());
}
