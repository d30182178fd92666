//! A virtual machine from its making to its end. Where KVM boots no kernel it is emulated, which takes minutes; so this
//! runs only where that is asked for.

use std::process::Command;
use std::time::{Duration, Instant};

use skywright_machines::{Backend, DiskSpec, DiskState, Machine, MachineState, Machines};

use crate::rig::{Rig, key, rig_of, run, traces};

const EMULATE: &str = "SKYWRIGHT_QEMU_EMULATE";

/// Emulated, on a machine that has other things to do.
const BOOT: Duration = Duration::from_secs(1200);

/// None where nobody asked for virtual machines, or none can run.
fn virtual_rig() -> Option<Rig> {
    if std::env::var_os(EMULATE).is_none_or(|value| value != "1") {
        eprintln!("SKIPPED: a virtual machine takes minutes to boot; set {EMULATE}=1");
        return None;
    }
    rig_of(Backend::Qemu)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_machine_is_made_used_stopped_started_and_removed_and_leaves_nothing() {
    let Some(rig) = virtual_rig() else { return };
    let facts = rig.machines.facts().await.unwrap();
    assert_eq!((facts.backend.as_str(), facts.shared_kernel), ("qemu", false));
    let network = rig.network("net").await;
    let subnet = rig.subnet(network, "sub", "10.77.1.0/24").await;
    let mut spec = rig.spec("virtual", &[subnet]);
    spec.public_address = true;
    spec.groups = vec![crate::rules::open_group(&rig, network).await];
    spec.user_data = b"#cloud-config\nwrite_files: [{path: /var/tmp/told, content: \"told\\n\"}]\n".to_vec();
    let disk = DiskSpec {
        intent: key("data"),
        name: "data".to_owned(),
        size_gib: 1,
        attributes: Vec::new(),
        tags: Vec::new(),
    };
    let disk = rig.machines.create_disk(disk).await.unwrap();
    let made = rig.machines.create_machine(spec).await.unwrap();
    let machine = rig.until(made.id, MachineState::Running).await;
    let address = machine.public_address.unwrap();
    rig.wait_long_for_ssh(address, &machine, BOOT);
    let ask = |command: &str| {
        let output = rig.ssh(address, &machine, command);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let said = ask("cloud-init status --wait > /dev/null; hostname; id -un; sudo id -u; cat /var/tmp/told; \
         systemd-detect-virt --container; ip -4 -br a show eth0; df --output=size -BG / | tail -1");
    assert!(said.starts_with("virtual\ndebian\n0\ntold\nnone\n") && said.contains("10.77.1.2/24"), "{said}");
    assert!(said.trim_end().ends_with("4G"), "its file system did not grow: {said}");
    let console = rig.machines.console(machine.id, 2000).await.unwrap();
    assert!(console.contains("login:"), "{console}");
    beside_a_container(&rig, &machine).await;

    let attached = rig.machines.attach_disk(disk.id, machine.id).await.unwrap();
    assert_eq!(rig.machines.attach_disk(disk.id, machine.id).await.unwrap(), attached);
    let device = attached.device.unwrap();
    ask(&format!(
        "set -e; for try in $(seq 60); do [ -b {device} ] && break; sleep 1; done; sudo mkfs.ext4 -q {device}
        sudo mount {device} /mnt; echo precious | sudo tee /mnt/file; sync"
    ));
    rig.machines.extend_disk(disk.id, 2).await.unwrap();
    assert_eq!(ask(&format!("sudo blockdev --getsize64 {device}")), "2147483648\n");
    ask("sudo umount /mnt; echo kept > kept; sync");
    assert_eq!(rig.machines.detach_disk(disk.id, machine.id).await.unwrap().state, DiskState::Available);
    ask(&format!("[ ! -e {device} ]"));
    // It is there at the next start.
    rig.machines.attach_disk(disk.id, machine.id).await.unwrap();

    rig.machines.stop_machine(machine.id, false).await.unwrap();
    rig.until(machine.id, MachineState::Stopped).await;
    rig.machines.start_machine(machine.id).await.unwrap();
    let machine = rig.until(machine.id, MachineState::Running).await;
    // The same keys: the host key is checked.
    rig.wait_long_for_ssh(address, &machine, BOOT);
    let said = rig.ssh(address, &machine, &format!("cat kept; sudo mount {device} /mnt && cat /mnt/file"));
    assert_eq!(String::from_utf8_lossy(&said.stdout), "kept\nprecious\n", "{said:?}");

    assert!(!traces(&rig).is_empty());
    rig.clear().await;
    assert_eq!(traces(&rig), Default::default());
}

/// Neighbours of both kinds reach one another where their groups let them, and nowhere else.
async fn beside_a_container(rig: &Rig, machine: &Machine) {
    let containers = rig.machines.clone().with_backend(Backend::Containers);
    let mut spec = rig.spec("container", &[machine.ports[0].subnet.unwrap()]);
    (spec.public_address, spec.groups) = (true, machine.groups.clone());
    let made = containers.create_machine(spec).await.unwrap();
    let container = rig.until(made.id, MachineState::Running).await;
    for (from, to) in [(&container, machine), (machine, &container)] {
        let inner = to.ports[0].address;
        let ask = format!(
            "timeout 60 bash -c 'until read -r line < /dev/tcp/{inner}/22; do sleep 1; done; echo $line' 2> /dev/null
            timeout 5 bash -c '< /dev/tcp/{inner}/8000' 2> /dev/null; echo $?"
        );
        let said = rig.ssh(from.public_address.unwrap(), from, &ask);
        let said = String::from_utf8(said.stdout).unwrap();
        // A port that nobody listens at would refuse at once: what is not let through does not answer.
        assert!(said.starts_with("SSH-2.0-") && said.ends_with("\n124\n"), "{} asks: {said}", from.name);
    }
    rig.until_gone(container.id).await;
}

/// The number of the rig's only QEMU.
fn qemu(rig: &Rig) -> Option<String> {
    let processes =
        traces(rig).into_iter().filter_map(|trace| Some(trace.strip_prefix("process: ")?.to_owned()));
    let mut pids = processes.filter_map(|process| {
        let mut words = process.split_whitespace();
        let pid = words.next()?.to_owned();
        (words.next() == Some("qemu-system-x86_64")).then_some(pid)
    });
    pids.next()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_machine_that_is_killed_starts_again_and_one_of_a_lost_state_is_found() {
    let Some(rig) = virtual_rig() else { return };
    let network = rig.network("net").await;
    let subnet = rig.subnet(network, "sub", "10.77.1.0/24").await;
    let made = rig.machines.create_machine(rig.spec("killed", &[subnet])).await.unwrap();
    rig.until(made.id, MachineState::Running).await;
    let pid = qemu(&rig).unwrap();
    run(Command::new("kill").args(["-KILL", &pid]));
    let deadline = Instant::now() + Duration::from_secs(60);
    while rig.machines.machine(made.id).await.unwrap().state != MachineState::Stopped {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
    rig.machines.start_machine(made.id).await.unwrap();
    rig.until(made.id, MachineState::Running).await;
    assert_ne!(qemu(&rig).unwrap(), pid);

    std::fs::remove_file(rig.folder.path().join("state/state.json")).unwrap();
    let done = rig.machines.reconcile().await.unwrap();
    assert!(done.removed.iter().any(|found| found.contains("control group")), "{done:?}");
    assert!(done.removed.iter().any(|found| found.contains("network namespace")), "{done:?}");
    assert_eq!(traces(&rig), Default::default());
    assert_eq!(rig.machines.reconcile().await.unwrap(), Default::default());
}
