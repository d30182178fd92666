//! What a kill leaves, and who takes it up.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use skywright_machines::{DiskSpec, LocalMachines, MachineState, Machines};

use crate::rig::{Rig, cache, device_modes, key, rig, traces};

const CHILD: &str = "SKYWRIGHT_MACHINES_TEST_CHILD";

/// Not a test: what the process does that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Some(what) = std::env::var_os(CHILD) else { return };
    let what = what.into_string().unwrap();
    let (what, folder) = what.split_once(' ').unwrap();
    let folder = Path::new(folder);
    let machines = LocalMachines::open(&folder.join("state"), &cache()).unwrap();
    let of_intent = |text: &'static str| async {
        machines.machines().await.unwrap().into_iter().find(|machine| machine.intent == key(text)).unwrap().id
    };
    match what {
        "create" => {
            let login_key = std::fs::read_to_string(folder.join("key.pub")).unwrap();
            let spec = crate::rig::small("killed", &[], login_key.trim().to_owned());
            machines.create_machine(spec).await.unwrap();
        }
        "delete" => drop(machines.delete_machine(of_intent("killed").await).await.unwrap()),
        "attach" => {
            let machine = of_intent("killed").await;
            let disk = machines.disks().await.unwrap()[0].id;
            loop {
                machines.attach_disk(disk, machine).await.unwrap();
                machines.detach_disk(disk, machine).await.unwrap();
            }
        }
        other => panic!("{other}"),
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
}

fn child_of(rig: &Rig, what: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::child", "--nocapture"]);
    command.env(CHILD, format!("{what} {}", rig.folder.path().display()));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill_after(mut child: Child, milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_killed_is_finished_or_taken_away() {
    let Some(rig) = rig() else { return };
    rig.machines.prepare_image(crate::rig::IMAGE, |_| {}).await.unwrap();
    for (round, milliseconds) in [20, 60, 120, 200, 300, 450, 700, 1000].into_iter().enumerate() {
        kill_after(child_of(&rig, "create"), milliseconds);
        if round % 2 == 0 {
            let made = rig.machines.create_machine(rig.spec("killed", &[])).await.unwrap();
            assert_eq!(rig.machines.machines().await.unwrap().len(), 1, "after {milliseconds} ms");
            let machine = rig.until(made.id, MachineState::Running).await;
            let said = rig.ssh(machine.public_address.unwrap(), &machine, "hostname");
            assert_eq!(said.stdout, b"killed\n", "after {milliseconds} ms");
        }
        while !rig.machines.abandon(key("killed")).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rig.machines.reconcile().await.unwrap();
        assert_eq!(traces(&rig), Default::default(), "after {milliseconds} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_deletes_and_attaches_and_machines_are_survived() {
    let Some(rig) = rig() else { return };
    let modes = device_modes();
    let made = rig.machines.create_machine(rig.spec("killed", &[])).await.unwrap();
    let machine = rig.until(made.id, MachineState::Running).await;
    let spec = DiskSpec {
        intent: key("disk"),
        name: "disk".to_owned(),
        size_gib: 1,
        attributes: Vec::new(),
        tags: Vec::new(),
    };
    let disk = rig.machines.create_disk(spec).await.unwrap();
    for milliseconds in [30, 90, 150] {
        kill_after(child_of(&rig, "attach"), milliseconds);
        rig.machines.attach_disk(disk.id, machine.id).await.unwrap();
        let said =
            rig.ssh(machine.public_address.unwrap(), &machine, "sudo blockdev --getsize64 /dev/volumes/vdb");
        assert_eq!(said.stdout, b"1073741824\n", "{said:?}");
        rig.machines.detach_disk(disk.id, machine.id).await.unwrap();
    }
    // Of the machine's init, which nobody here sees before asking.
    end_init(&rig);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while rig.machines.machine(machine.id).await.unwrap().state != MachineState::Stopped {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    rig.machines.start_machine(machine.id).await.unwrap();
    let machine = rig.until(machine.id, MachineState::Running).await;
    assert!(rig.ssh(machine.public_address.unwrap(), &machine, "true").status.success());
    for milliseconds in [20, 60, 120] {
        kill_after(child_of(&rig, "delete"), milliseconds);
    }
    rig.machines.reconcile().await.unwrap();
    if let Ok(machine) = rig.machines.machine(machine.id).await {
        rig.until_gone(machine.id).await;
    }
    rig.clear().await;
    assert_eq!(traces(&rig), Default::default());
    assert_eq!(device_modes(), modes);
}

/// Ends the only init of the rig's machines, by its number.
fn end_init(rig: &Rig) {
    let traces = traces(rig).into_iter().filter(|trace| trace.starts_with("process:"));
    let pids = traces.filter(|trace| trace.split_whitespace().nth(2) == Some("systemd-nspawn"));
    for trace in pids {
        let pid = trace.split_whitespace().nth(1).unwrap().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        for child in children.split_whitespace() {
            crate::rig::run(Command::new("kill").args(["-KILL", child]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_lost_state_is_found_by_the_name_of_its_home() {
    let Some(rig) = rig() else { return };
    let made = rig.machines.create_machine(rig.spec("lost", &[])).await.unwrap();
    rig.until(made.id, MachineState::Running).await;
    std::fs::remove_file(rig.folder.path().join("state/state.json")).unwrap();
    let done = rig.machines.reconcile().await.unwrap();
    assert!(done.removed.iter().any(|found| found.contains("control group")), "{done:?}");
    assert!(done.removed.iter().any(|found| found.contains("network namespace")), "{done:?}");
    assert_eq!(traces(&rig), Default::default());
    assert_eq!(rig.machines.reconcile().await.unwrap(), Default::default());
}
