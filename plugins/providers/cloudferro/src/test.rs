//! Recordings of a real control plane, which is not CloudFerro's, played through this profile. No cloud of
//! CloudFerro's was asked: addresses and names are as its documentation and its customers' settings have them.

use std::path::Path;

use skywright_openstack_family::skywright_sdk::addresses::Guest as _;
use skywright_openstack_family::skywright_sdk::catalog::Guest as _;
use skywright_openstack_family::skywright_sdk::driver::Guest as _;
use skywright_openstack_family::skywright_sdk::replay::Recording;
use skywright_openstack_family::skywright_sdk::{Category, Intent, Severity};

use crate::Cloudferro;

fn played(name: &str) -> Recording {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openstack-family/recordings");
    let recording = Recording::load(folder.join(format!("{name}.jsonl"))).unwrap();
    recording.setting("auth-url", "http://127.0.0.1:5000/v3").defaults(&Cloudferro::describe().settings)
}

/// What the plugin says of itself.
#[test]
fn described() {
    insta::assert_debug_snapshot!(Cloudferro::describe());
}

#[test]
fn an_application_credential_is_enough() {
    let validated = |given: &[(&str, &str)]| {
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let findings = Recording::silent().play(|| Cloudferro::validate(given));
        findings.into_iter().map(|finding| (finding.path, finding.severity)).collect::<Vec<_>>()
    };
    let credential = [("application-credential-id", "0"), ("application-credential-secret", "")];
    assert_eq!(validated(&credential), []);
    assert_eq!(validated(&credential[..1]), [("application-credential-secret".to_owned(), Severity::Error)]);
}

#[test]
fn an_application_credential_logs_in() {
    let tenant = played("login-application-credential")
        .setting("application-credential-id", "APPLICATION-CREDENTIAL-ID")
        .credential("application-credential-secret");
    assert_eq!(tenant.play(Cloudferro::regions).unwrap(), ["RegionOne"]);
}

/// The recorded cloud has an external network of another name: that of the profile is looked for, among those
/// that are external.
#[test]
fn the_external_network_is_found_by_its_name() {
    let tenant =
        played("floating-ip").setting("user", "demo").setting("project-name", "demo").credential("password");
    let intent = Intent { key: "k".to_owned(), again: false };
    let (answer, _) = tenant.try_play(|| Cloudferro::allocate(intent, Vec::new()));
    let error = answer.unwrap_err();
    assert_eq!((error.category, error.subject.as_deref()), (Category::NotFound, Some("external-network")));
    assert_eq!(error.message, "there is no external network \"external\"");
}
