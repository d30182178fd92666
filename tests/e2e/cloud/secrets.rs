//! Planted secrets are in nothing that the product leaves or says.

use std::path::Path;

use super::proxy::{Fault, When};
use super::site::Site;

#[tokio::test]
async fn no_secret_in_state_logs_errors_json_or_recordings() {
    let Some(site) = Site::new("secrets").await else { return };
    let mut said = String::new();
    let recording = site.folder().join("recording.jsonl");
    let recording = recording.to_str().unwrap();
    for command in [
        &["network", "create", "lan", "-vvv"][..],
        &["host", "create", "web", "--network", "lan", "--public", "-vvv"],
        &["host", "inspect", "web", "-vvv"],
        &["host", "ssh", "web"],
        &["tenant", "inspect", "lab"],
        &["tenant", "list"],
        &["operation", "list", "--all"],
        &[
            "plugin",
            "call",
            "openstack",
            "catalog.images",
            "null",
            "--tenant",
            "lab",
            "--record",
            recording,
            "-vvv",
        ],
    ] {
        let done = site.run(command).await;
        assert_eq!(done.code, Some(0), "{command:?}: {}\n{}", done.stdout, done.stderr);
        said += &(done.stdout + &done.stderr);
    }
    site.proxy.harm(When::All("GET", "/servers"), Fault::Status(400));
    let failed = site.run(&["host", "list", "-vvv"]).await;
    site.proxy.calm();
    failed.error();
    said += &(failed.stdout + &failed.stderr);
    let private = site.folder().join("web.key");
    site.run(&["host", "ssh", "web", "--key-file", private.to_str().unwrap()]).await.result();
    let key = std::fs::read_to_string(&private).unwrap();
    std::fs::remove_file(&private).unwrap();
    let key_line = key.lines().nth(2).unwrap();
    let token = token_of(&site).await;
    for (what, secret) in
        [("password", site.project.password.as_str()), ("private key", key_line), ("token", &token)]
    {
        assert!(!said.contains(secret), "the {what} was said");
        look_for(&site.folder(), secret, what);
    }
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
}

/// The token that the binary uses, overheard on its way to the cloud.
async fn token_of(site: &Site) -> String {
    site.run(&["host", "list"]).await.result();
    site.proxy.last_token().unwrap()
}

/// No file below a folder has the text.
fn look_for(folder: &Path, text: &str, what: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look_for(&path, text, what);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!found, "the {what} is in {}", path.display());
    }
}
