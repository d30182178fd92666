//! Recordings of a real control plane, which is not OVHcloud's, played through this profile: that what the
//! profile changes goes together with what it leaves. No OVHcloud was asked: its catalog, its `Ext-Net` and its
//! limits are as its documentation and others' drivers have them.

use std::path::Path;

use skywright_openstack_family::skywright_sdk::Severity;
use skywright_openstack_family::skywright_sdk::catalog::Guest as _;
use skywright_openstack_family::skywright_sdk::driver::{Guest as _, PublicAddressMode};
use skywright_openstack_family::skywright_sdk::replay::Recording;

use crate::Ovh;

fn recorded(name: &str) -> Recording {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openstack-family/recordings");
    let recording = Recording::load(folder.join(format!("{name}.jsonl"))).unwrap();
    recording
        .setting("auth-url", "http://127.0.0.1:5000/v3")
        .setting("region", "RegionOne")
        .setting("user", "demo")
        .setting("project-name", "demo")
        .credential("password")
        .defaults(&Ovh::describe().settings)
}

/// What the plugin says of itself.
#[test]
fn described() {
    insta::assert_debug_snapshot!(Ovh::describe());
}

#[test]
fn settings_are_checked() {
    let validated = |given: &[(&str, &str)]| {
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let findings = Recording::silent().play(|| Ovh::validate(given));
        findings.into_iter().map(|finding| (finding.path, finding.severity)).collect::<Vec<_>>()
    };
    let enough = [("region", "GRA11"), ("user", "u"), ("password", ""), ("project-id", "0")];
    assert_eq!(validated(&enough), []);
    assert_eq!(validated(&enough[1..]), [("region".to_owned(), Severity::Error)]);
    let other = [&enough[..], &[("service-domain", "example.org")]].concat();
    assert_eq!(validated(&other), [("service-domain".to_owned(), Severity::Error)]);
}

/// Not proved: that regions with gateways have floating addresses.
#[test]
fn public_addresses_come_with_a_nic() {
    let mode = |recording: Recording| {
        recording.play(|| Ovh::capabilities_of("RegionOne".to_owned())).unwrap().public_address_mode
    };
    assert_eq!(mode(recorded("capabilities")), PublicAddressMode::ExtraNic);
    let floating = recorded("capabilities").setting("public-address-mode", "floating");
    assert_eq!(mode(floating), PublicAddressMode::Floating);
}

#[test]
fn the_cloud_of_the_recordings_is_understood() {
    assert_eq!(recorded("login-password").play(Ovh::regions).unwrap(), ["RegionOne"]);
    assert_eq!(recorded("zones").play(Ovh::zones).unwrap()[0].name, "nova");
}

/// Flavors in the shape of the recordings, with OVHcloud's names.
#[test]
fn windows_and_flex_are_hidden_and_gpus_are_known() {
    let flavor = |id: usize, name: &str| {
        format!(r#"{{\"id\":\"{id}\",\"name\":\"{name}\",\"vcpus\":1,\"ram\":1024,\"disk\":10}}"#)
    };
    let names = ["b2-7", "win-b2-7", "b2-7-flex", "t1-90", "t1-le-45", "g3-30"];
    let flavors: Vec<String> = names.iter().enumerate().map(|(id, name)| flavor(id, name)).collect();
    let login = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../openstack-family/recordings/templates.jsonl"),
    )
    .unwrap();
    // The login and Nova's version as they were recorded, then a page of these.
    let mut lines: Vec<String> = login.lines().take(3).map(str::to_owned).collect();
    let base = "http://127.0.0.1:8774/v2.1";
    lines.push(format!(
        r#"{{"request":{{"method":"GET","url":"{base}/flavors/detail?limit=250"}},"response":{{"status":200,"headers":[],"body":"{{\"flavors\":[{}]}}"}}}}"#,
        flavors.join(",")
    ));
    let recording = Recording::parse(&lines.join("\n")).unwrap();
    let recording = recording
        .setting("auth-url", "http://127.0.0.1:5000/v3")
        .setting("region", "RegionOne")
        .setting("user", "demo")
        .setting("project-name", "demo")
        .credential("password")
        .defaults(&Ovh::describe().settings);
    let page = recording.play(|| Ovh::templates(None)).unwrap();
    let seen: Vec<_> = page.items.iter().map(|one| (one.name.as_str(), one.gpu_count)).collect();
    assert_eq!(seen, [("b2-7", 0), ("t1-90", 2), ("t1-le-45", 1), ("g3-30", 1)]);
}
