//! A network with a gateway and two hosts: made, used, and gone without a trace.

use super::Site;
use super::traces::Traces;

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_real_hosts() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.91.0/24"]).await.result();
    site.run(&["host", "create", "a", "b", "--network", "lan"]).await.result();

    // Each is a machine of its own, and is reached through the gateway.
    let all =
        site.run(&["ssh", "run", "gw-lan", "a", "b", "-c", "hostname; systemctl is-system-running"]).await;
    let names: Vec<_> = all.result().as_array().unwrap().iter().map(|one| one["stdout"].clone()).collect();
    assert_eq!(names, ["gw-lan\nrunning\n", "a\nrunning\n", "b\nrunning\n"]);
    let address = site.run(&["host", "inspect", "b"]).await.result()["private_address"].clone();
    let address = address.as_str().unwrap().to_owned();
    assert_eq!(site.on("a", &format!("ping -c 1 -W 5 {address} >/dev/null && echo there")).await, "there");
    assert!(!site.on("a", "sudo apt-get --version | head -1").await.is_empty());

    // The host keys were known before anybody connected.
    let hosts = site.run(&["host", "ssh", "a"]).await;
    assert!(hosts.result()["host"]["host_keys"][0].as_str().unwrap().starts_with("ssh-ed25519 "));
    plain_ssh(&site, "a").await;

    twenty_at_once(&site).await;
    files_and_disks(&site).await;

    // What it writes stays when it is stopped and started.
    site.on("a", "echo kept | sudo tee /root/kept >/dev/null && sudo sync").await;
    site.run(&["host", "stop", "a"]).await.result();
    assert_eq!(site.run(&["host", "state", "a"]).await.result()["state"], "stopped");
    site.run(&["host", "start", "a"]).await.result();
    assert_eq!(on_when_up(&site, "a", "sudo cat /root/kept").await, "kept");

    site.run(&["host", "delete", "a", "b"]).await.result();
    site.run(&["network", "delete", "lan"]).await.result();
    assert_eq!(site.run(&["host", "list", "--all"]).await.result().as_array().unwrap().len(), 0);
    before.assert_none_new();
}

/// The system's own client goes through the gateway, and asks nobody about host keys.
async fn plain_ssh(site: &Site, host: &str) {
    let written = site.run(&["ssh", "config"]).await;
    let config = site.folder().join("ssh_config");
    std::fs::write(&config, written.result()["config"].as_str().unwrap()).unwrap();
    let mut command = tokio::process::Command::new("ssh");
    command.arg("-F").arg(&config).args(["-o", "BatchMode=yes", host, "hostname"]);
    let output = command.output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{host}\n"), "{output:?}");
    assert!(!written.result()["config"].as_str().unwrap().contains("accept-new"), "{}", written.json);
}

/// Commands that share nothing but the gateway: each makes a connection of its own.
async fn twenty_at_once(site: &Site) {
    let line = |number: usize| format!("echo {number} from $(hostname)");
    let run = async |number: usize| {
        let host = if number.is_multiple_of(2) { "a" } else { "b" };
        (site.on(host, &line(number)).await, format!("{number} from {host}"))
    };
    for (said, expected) in futures_util::future::join_all((0..20).map(run)).await {
        assert_eq!(said, expected);
    }
}

async fn files_and_disks(site: &Site) {
    let here = site.folder().join("file");
    std::fs::write(&here, vec![7; 3 << 20]).unwrap();
    let here = here.to_str().unwrap();
    site.run(&["ssh", "copy", here, "a:/tmp/there"]).await.result();
    site.run(&["ssh", "copy", "a:/tmp/there", "b:/tmp/over"]).await.result();
    let digest = site.on("b", "sha256sum /tmp/over | cut -d' ' -f1").await;
    assert_eq!(digest, site.on("a", "sha256sum /tmp/there | cut -d' ' -f1").await);

    site.run(&["volume", "create", "data", "--size", "1"]).await.result();
    let empty = site.run(&["volume", "attach", "data", "a", "--do-not-format"]).await;
    assert_eq!(empty.json["error"]["code"], "on-host", "{empty:?}");
    assert!(empty.json["error"]["message"].as_str().unwrap().contains("is not to be formatted"), "{empty:?}");
    assert_eq!(site.run(&["volume", "inspect", "data"]).await.result()["state"], "available");
    site.run(&["volume", "attach", "data", "a"]).await.result();
    let volume = site.run(&["volume", "inspect", "data"]).await;
    let at = &volume.result()["attachments"][0];
    assert_eq!((&at["mount_path"], &at["file_system"]), (&"/data/data".into(), &"ext4".into()));
    site.on("a", "echo precious > /data/data/file && sync").await;
    // It is mounted at every start.
    site.run(&["host", "reboot", "a"]).await.result();
    assert_eq!(on_when_up(site, "a", "cat /data/data/file").await, "precious");
    // What somebody works in stays.
    site.on("a", "cd /data/data && (nohup sleep 300 >/dev/null 2>&1 & echo $! > /tmp/pid)").await;
    let busy = site.run(&["volume", "detach", "data", "a"]).await;
    assert_eq!(busy.json["error"]["code"], "in-use", "{busy:?}");
    assert!(busy.json["error"]["message"].as_str().unwrap().contains("sleep ("), "{busy:?}");
    site.on("a", "kill $(cat /tmp/pid)").await;
    site.run(&["volume", "detach", "data", "a"]).await.result();
    assert_eq!(site.on("a", "grep -c skywright.volume /etc/fstab; ls /data").await, "0");
    // Elsewhere it is mounted as it was, whatever it is to be formatted with.
    let there = ["volume", "attach", "data", "b", "--mount-path", "/srv/data", "--file-system", "xfs"];
    site.run(&there).await.result();
    assert_eq!(site.on("b", "cat /srv/data/file; findmnt -n -o FSTYPE /srv/data").await, "precious\next4");
    site.run(&["volume", "detach", "data", "b"]).await.result();
    site.run(&["volume", "delete", "data"]).await.result();
}

/// A host that was started a moment ago takes a while until it lets anybody in.
pub(super) async fn on_when_up(site: &Site, host: &str, line: &str) -> String {
    for _ in 0..60 {
        let done = site.run(&["ssh", "run", host, "-c", line]).await;
        if done.code == Some(0) {
            return done.result()[0]["stdout"].as_str().unwrap().trim_end().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    panic!("{host} does not let us in");
}
