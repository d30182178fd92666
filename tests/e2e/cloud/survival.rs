//! `kill -9` at the requests of a command: the next command finds all that was made, and nothing twice.
//!
//! `cargo xtask sweep` walks every request; here it is a sample of them (`SKYWRIGHT_SWEEP` says how many
//! of each command; `all` for each one).

use super::project::Census;
use super::proxy::{Fault, When};
use super::site::{Site, done};
use crate::home::Done;

/// One command of the sweep.
struct Case {
    /// What has to be there before.
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
    /// What takes everything away again.
    after: &'static [&'static [&'static str]],
}

const NETWORK: &[&str] = &["network", "create", "lan", "--gateway", "host", "--quiet"];
const DELETE_NETWORK: &[&str] = &["network", "delete", "lan", "--force", "--yes", "--quiet"];
const HOST: &[&str] = &["host", "create", "web", "--network", "lan", "--public", "--quiet"];
const VOLUME: &[&str] = &["volume", "create", "data", "--size", "1", "--quiet"];
const ATTACH: &[&str] = &["volume", "attach", "data", "web", "--do-not-mount", "--quiet"];
const DETACH: &[&str] = &["volume", "detach", "data", "web", "--quiet"];
const DELETE_VOLUME: &[&str] = &["volume", "delete", "data", "--quiet"];
const DELETE_HOST: &[&str] = &["host", "delete", "web", "--quiet"];

/// Which requests: all, or so many spread over them.
fn sample(requests: u32) -> Vec<u32> {
    match std::env::var("SKYWRIGHT_SWEEP").as_deref() {
        Ok("all") => (1..=requests).collect(),
        asked => {
            let wanted: u32 = asked.ok().and_then(|text| text.parse().ok()).unwrap_or(2);
            let mut chosen: Vec<_> = (1..=wanted).map(|n| (n * requests / (wanted + 1)).max(1)).collect();
            chosen.dedup();
            chosen
        }
    }
}

async fn sweep(purpose: &str, case: &Case) {
    let Some(mut site) = Site::new(purpose).await else { return };
    for command in case.before {
        site.run(command).await.result();
    }
    // Once in peace, to see how many requests there are and what there is in the end.
    site.proxy.harm(When::Number(u32::MAX), Fault::Slow);
    site.run(case.command).await.result();
    let requests = site.proxy.requests();
    let whole = site.project.census().await;
    back(&site, case).await;
    for number in sample(requests) {
        for fault in [Fault::KillBefore, Fault::KillAfter] {
            let at = format!("{} {fault:?} at {number} of {requests}", case.command.join(" "));
            site.proxy.harm(When::Number(number), fault);
            let killed = site.run(case.command).await;
            let struck = site.proxy.struck() > 0;
            site.proxy.calm();
            assert_eq!(killed.code.is_none(), struck, "{at}: {killed:?}");
            if struck {
                let was_done = is_done(&site, case.command).await;
                check(&site.run(case.command).await, was_done, &at);
            }
            assert_eq!(site.project.census().await, whole, "{at}");
            back(&site, case).await;
        }
    }
    for command in case.after.iter().skip(if case.before.is_empty() { 1 } else { 0 }) {
        site.run(command).await;
    }
    clean(&mut site).await;
}

/// Whether a command's operation was done before it was killed, so that it only had to tell of it.
async fn is_done(site: &Site, command: &[&str]) -> bool {
    let title = command.iter().take(2).copied().collect::<Vec<_>>().join(" ");
    let operations = site.run(&["operation", "list", "--all"]).await;
    let operations = operations.result().as_array().unwrap().clone();
    let last = operations.iter().max_by_key(|operation| operation["started_unix_ms"].as_u64()).unwrap();
    last["phase"] == "done" && last["title"].as_str().unwrap().starts_with(&title)
}

/// The same command again finishes what was cut off. What was done by then is not done again.
#[track_caller]
fn check(next: &Done, was_done: bool, at: &str) {
    let code = next.error_code();
    let is_fine = match was_done {
        true => ["exists", "in-use", "no-host"].contains(&code.unwrap_or_default()),
        false => code.is_none(),
    };
    assert!(is_fine, "{at}, done: {was_done}: {}\n{}", next.stdout, next.stderr);
}

/// Takes back what the case's command did.
async fn back(site: &Site, case: &Case) {
    if let Some(undo) = case.after.first() {
        site.run(undo).await.result();
    }
}

async fn clean(site: &mut Site) {
    site.proxy.calm();
    for command in [DETACH, DELETE_VOLUME, DELETE_HOST, DELETE_NETWORK] {
        site.run(command).await;
    }
    assert_eq!(site.project.census().await, Census::new(), "left behind");
    let networks = site.run(&["network", "list"]).await;
    assert_eq!(networks.result().as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn network_create() {
    sweep("net", &Case { before: &[], command: NETWORK, after: &[DELETE_NETWORK] }).await;
}

#[tokio::test]
async fn host_create() {
    sweep("host", &Case { before: &[NETWORK], command: HOST, after: &[DELETE_HOST] }).await;
}

#[tokio::test]
async fn volume_attach() {
    sweep("attach", &Case { before: &[NETWORK, HOST, VOLUME], command: ATTACH, after: &[DETACH] }).await;
}

#[tokio::test]
async fn host_delete() {
    sweep("delete", &Case { before: &[NETWORK, HOST], command: DELETE_HOST, after: &[HOST] }).await;
}

/// Killed while it makes many: another command finishes them.
#[tokio::test]
async fn another_command_finishes() {
    let Some(mut site) = Site::new("other").await else { return };
    site.run(NETWORK).await.result();
    site.proxy.harm(When::First("POST", "/servers"), Fault::KillAfter);
    let killed = done(site.start(&["host", "create", "node", "--network", "lan", "-S", "count=3"])).await;
    assert_eq!(killed.code, None);
    let list = site.run(&["host", "list"]).await;
    assert!(list.stderr.contains("operation was cut off"), "{}", list.stderr);
    site.run(VOLUME).await.result();
    let hosts = site.run(&["host", "list"]).await;
    let names: Vec<_> = hosts.result().as_array().unwrap().iter().map(|host| host["name"].clone()).collect();
    assert_eq!(names, ["gw-lan", "node-1", "node-2", "node-3"]);
    assert_eq!(site.project.census().await["servers"], 4);
    clean(&mut site).await;
}
