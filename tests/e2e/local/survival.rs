//! Kills in the middle, of the command and of hosts: the next command finishes or cleans up, says so, and nothing
//! is left.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::Site;
use super::traces::Traces;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.92.0/24", "--gateway", "managed"])
        .await
        .result();
    for (round, after_ms) in [150, 400, 900, 1_800].into_iter().enumerate() {
        let name = format!("h{round}");
        kill_after(&site, &["host", "create", &name, "--network", "lan"], after_ms).await;
        // Whatever changes next goes on with it first; asking for the same again is that.
        let again = site.run(&["host", "create", &name, "--network", "lan"]).await;
        assert!(again.code == Some(0) || again.json["error"]["code"] == "exists", "{:?}", again);
        let hosts = site.run(&["host", "list", "--all"]).await;
        let names: Vec<_> =
            hosts.result().as_array().unwrap().iter().map(|host| host["name"].clone()).collect();
        assert_eq!(names, [name.as_str()], "once, after {after_ms} ms");
        kill_after(&site, &["host", "delete", &name], after_ms / 2).await;
        let again = site.run(&["host", "delete", &name]).await;
        assert!(again.code == Some(0) || again.code == Some(4), "{again:?}");
        assert!(site.run(&["host", "list", "--all"]).await.result().as_array().unwrap().is_empty());
    }
    site.run(&["network", "delete", "lan"]).await.result();
    before.assert_none_new();
}

async fn kill_after(site: &Site, arguments: &[&str], after_ms: u64) {
    let mut child = site.start(arguments);
    tokio::time::sleep(Duration::from_millis(after_ms)).await;
    // One that was faster is no less good a case.
    let _ = child.kill().await;
    let _ = child.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_attaches_and_of_a_gateway() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.93.0/24"]).await.result();
    site.run(&["host", "create", "a", "--network", "lan"]).await.result();
    site.run(&["volume", "create", "data", "--size", "1"]).await.result();
    for after_ms in [100, 300, 600, 1_200] {
        kill_after(&site, &["volume", "attach", "data", "a"], after_ms).await;
        let again = site.run(&["volume", "attach", "data", "a"]).await;
        assert!(again.code == Some(0) || again.json["error"]["code"] == "in-use", "{again:?}");
        let volume = site.run(&["volume", "inspect", "data"]).await;
        assert_eq!(volume.result()["attachments"].as_array().unwrap().len(), 1, "after {after_ms} ms");
        kill_after(&site, &["volume", "detach", "data", "a"], after_ms).await;
        site.run(&["volume", "detach", "data", "a"]).await.result();
        let volume = site.run(&["volume", "inspect", "data"]).await;
        assert_eq!(volume.result()["attachments"].as_array().unwrap().len(), 0, "after {after_ms} ms");
    }
    a_gateway_goes_while_a_file_does(&site).await;
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    site.run(&["volume", "delete", "data"]).await.result();
    before.assert_none_new();
}

async fn a_gateway_goes_while_a_file_does(site: &Site) {
    let here = site.folder().join("large");
    // With bytes that differ: what is sent twice or not at all shows.
    let file = std::fs::File::create(&here).unwrap();
    file.set_len(512 << 20).unwrap();
    for mebibyte in 0..512_u64 {
        file.write_all_at(&mebibyte.to_le_bytes(), mebibyte << 20).unwrap();
    }
    let here = here.to_str().unwrap();
    let mut copy = site.start(&["ssh", "copy", here, "a:/var/tmp/large"]);
    while site.on("a", "ls -A /var/tmp | grep large | head -1").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    end_host(site, "gw-lan");
    assert!(!copy.wait().await.unwrap().success(), "the way was cut off, and it was told so");
    assert_eq!(site.run(&["host", "state", "gw-lan"]).await.result()["state"], "stopped");
    site.run(&["host", "start", "gw-lan"]).await.result();
    super::everyday::on_when_up(site, "a", "true").await;
    site.run(&["ssh", "copy", here, "a:/var/tmp/large"]).await.result();
    let digest = std::process::Command::new("sha256sum").arg(here).output().unwrap();
    let digest = String::from_utf8_lossy(&digest.stdout).split(' ').next().unwrap().to_owned();
    assert_eq!(site.on("a", "sha256sum /var/tmp/large | cut -d' ' -f1").await, digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_switched_off_in_its_first_boot() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.94.0/24", "--gateway", "managed"])
        .await
        .result();
    // The command that waits for it starts it again.
    let create = site.start(&["host", "create", "web", "--network", "lan"]);
    until_it_boots(&site, "web").await;
    end_host(&site, "web");
    let output = create.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("`web` was switched off in its first boot"), "{told}");
    // Where that is killed as well, the next one does, and says so.
    let mut create = site.start(&["host", "create", "db", "--network", "lan"]);
    until_it_boots(&site, "db").await;
    end_host(&site, "db");
    create.kill().await.unwrap();
    create.wait().await.unwrap();
    let next = site.run(&["reconcile", "--yes"]).await;
    next.result();
    for said in ["`host create db` was cut off; finishing it", "`db` was switched off in its first boot"] {
        assert!(next.stderr.contains(said), "{}", next.stderr);
    }
    let hosts = site.run(&["host", "list"]).await;
    let states: Vec<_> = hosts.result().as_array().unwrap().iter().map(|host| &host["state"]).collect();
    assert_eq!(states, ["running", "running"]);
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}

/// Until the bootstrap on a host has said its first word.
async fn until_it_boots(site: &Site, name: &str) {
    let said = format!("skywright: bootstrap of {name}");
    let machines = site.folder().join("state/machines/machines");
    for _ in 0..600 {
        let consoles = std::fs::read_dir(&machines).into_iter().flatten().flatten();
        let mut texts = consoles.filter_map(|machine| std::fs::read(machine.path().join("console.log")).ok());
        if texts.any(|text| String::from_utf8_lossy(&text).contains(&said)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} does not boot");
}

/// Pulls the plug of a host of this name, as soon as it runs. Other homes on this machine have such hosts too.
fn end_host(site: &Site, name: &str) {
    let option = format!("--hostname={name}");
    let home = site.folder().canonicalize().unwrap();
    let folder = format!("--directory={}/", home.display());
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            let is_it = words.next() == Some(b"systemd-nspawn")
                && words.clone().any(|word| word == option.as_bytes())
                && words.any(|word| word.starts_with(folder.as_bytes()));
            if is_it {
                let pid = entry.file_name().into_string().unwrap();
                assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
                return;
            }
        }
        assert!(std::time::Instant::now() < deadline, "{name} does not run");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_record_knows_is_removed_and_told_of() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.95.0/24"]).await.result();
    // As a kill leaves it that comes between a network's record and its namespace.
    let left = format!("sw-{}-n999", before.tag());
    assert!(std::process::Command::new("ip").args(["netns", "add", &left]).status().unwrap().success());
    let plan = site.run(&["reconcile", "--plan"]).await;
    plan.result();
    assert!(!plan.stderr.contains(&left), "{}", plan.stderr);
    let done = site.run(&["reconcile", "--yes"]).await;
    done.result();
    assert!(done.stderr.contains(&format!("removed: network namespace {left}")), "{}", done.stderr);
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_home_left_that_is_gone() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.96.0/24"]).await.result();
    let state = site.folder().join("state");
    // Busy folders stay.
    let _ = std::process::Command::new("rm").arg("-rf").arg(&state).output().unwrap();
    assert!(!state.join("machines/state.json").exists());
    let state = state.join("machines").canonicalize().unwrap();
    let doctor = site.run(&["doctor"]).await;
    let findings = doctor.result().as_array().unwrap();
    let ours = |finding: &&serde_json::Value| {
        finding["code"] == "leftovers"
            && finding["summary"].as_str().unwrap().starts_with(state.to_str().unwrap())
    };
    let found = findings.iter().find(ours).unwrap();
    for what in ["processes", "control group", "mount ", "network namespace", "link sw", "nftables table"] {
        assert!(found["summary"].as_str().unwrap().contains(what), "{what}: {found}");
    }
    assert_eq!(found["fix"], "skywright doctor --remove-leftovers");
    site.run(&["doctor", "--remove-leftovers"]).await.result();
    before.assert_none_new();
    assert!(site.run(&["doctor"]).await.result().as_array().unwrap().iter().all(|finding| !ours(&finding)));
}
