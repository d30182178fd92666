//! A desktop in the browser: seen with the password that was made for it, and gone without a trace.

use std::path::Path;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::Site;
use super::features::changes;
use super::traces::Traces;

/// A way to a host's port, which ends with this.
struct Tunnel {
    at: String,
    _command: Child,
}

impl Tunnel {
    async fn to(site: &Site, host: &str, port: &str) -> Self {
        let mut command = site.start(&["ssh", "tunnel", host, "--local", "0", "--remote", port]);
        let mut said = BufReader::new(command.stdout.take().unwrap()).lines();
        let line = said.next_line().await.unwrap().unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { at: said["result"]["listens_on"].as_str().unwrap().to_owned(), _command: command }
    }
}

/// Where the picture of the desktop is kept.
const PICTURE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/desktop.png");

/// Logs in by a browser and looks; the reason if there is no desktop, and `None` if there is no browser.
async fn seen(tunnel: &Tunnel, password: &str, folder: &Path, picture: &str) -> Option<Result<(), String>> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("rigs/remote-desktop/see-desktop");
    let file = folder.join("desktop-password");
    std::fs::write(&file, password).unwrap();
    let mut command = Command::new(program);
    command.arg(format!("https://{}/", tunnel.at)).arg(&file).arg(picture).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => Some(Ok(())),
        Some(2) => {
            println!("{said}: the desktop is not looked at");
            None
        }
        _ => Some(Err(said)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_that_a_browser_sees() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.install(&["remote-desktop"]).await;
    site.run(&["network", "create", "lan", "--cidr", "192.168.99.0/24"]).await.result();
    site.run(&["host", "create", "a", "--network", "lan", "-S", "ram>=1"]).await.result();
    let clean = site.traces(&["a"]).await;

    let add = ["feature", "add", "remote-desktop", "--on", "a"];
    let added = site.run(&add).await;
    assert!(changes(added.result()) > 0);
    let status = site.run(&["feature", "status", "remote-desktop"]).await;
    assert_eq!(status.result()["outputs"]["password"], Value::Null);
    assert_eq!(status.result()["outputs"]["account"], "desktop");
    let status = site.run(&["feature", "status", "remote-desktop", "--show-secrets"]).await;
    let password = status.result()["outputs"]["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 24);

    // Nothing but nginx is reached from elsewhere, and the display only by who has its cookie.
    let listening = site.on("a", "ss -Htln | awk '{ print $4 }' | grep -v ':22$' | sort -u").await;
    for address in listening.lines().filter(|address| !address.starts_with("127.0.0.")) {
        assert!(address.ends_with(":443") || address.starts_with("[::1]"), "{listening}");
    }
    assert_eq!(site.on("a", "DISPLAY=:1 xset q >/dev/null 2>&1 && echo open || echo closed").await, "closed");
    let tunnel = Tunnel::to(&site, "a", "443").await;
    if let Some(with) = seen(&tunnel, &password, &site.folder(), PICTURE).await {
        with.unwrap();
        println!("what the browser saw is kept in {PICTURE}");
        let refused = site.folder().join("refused.png");
        let without = seen(&tunnel, "not the password", &site.folder(), refused.to_str().unwrap()).await;
        assert!(without.unwrap().is_err());
    }
    drop(tunnel);

    let again = site.run(&add).await;
    assert_eq!(changes(again.result()), 0, "{}", again.json);
    let same = site.run(&["feature", "status", "remote-desktop", "--show-secrets"]).await;
    assert_eq!(same.result()["outputs"]["password"], password.as_str());

    site.run(&["feature", "remove", "remote-desktop", "--yes"]).await.result();
    for (now, clean) in site.traces(&["a"]).await.iter().zip(&clean) {
        assert_eq!(now, clean);
    }
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}
