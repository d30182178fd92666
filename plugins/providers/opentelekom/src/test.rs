//! What Open Telekom Cloud is told and where it is asked. Shapes and addresses are as its documentation has them; no such
//! cloud was asked. What the driver does there is tested in the library that both of Huawei's dialects stand on.

use skywright_openstack_family::skywright_sdk::Severity;
use skywright_openstack_family::skywright_sdk::catalog::Guest as _;
use skywright_openstack_family::skywright_sdk::driver::Guest as _;
use skywright_openstack_family::skywright_sdk::object_storage::Guest as _;
use skywright_openstack_family::skywright_sdk::replay::Recording;

use crate::Opentelekom;

/// What the plugin says of itself.
#[test]
fn described() {
    insta::assert_debug_snapshot!(Opentelekom::describe());
}

#[test]
fn settings_are_checked() {
    let validated = |given: &[(&str, &str)]| {
        let given = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let findings = Recording::silent().play(|| Opentelekom::validate(given));
        findings.into_iter().map(|finding| (finding.path, finding.severity)).collect::<Vec<_>>()
    };
    let error = |path: &str| (path.to_owned(), Severity::Error);
    let enough = [("region", "eu-de"), ("user-domain", "OTC-EU-DE-1"), ("user", "u"), ("password", "")];
    assert_eq!(validated(&enough), []);
    assert_eq!(validated(&enough[2..]), [error("region"), error("user-domain")]);
    assert_eq!(validated(&enough[..3]), [error("password")]);
    let speed = [&enough[..], &[("bandwidth-mbit-s", "fast")]].concat();
    assert_eq!(validated(&speed), [error("bandwidth-mbit-s")]);
}

/// A login at a Keystone, whose catalog has hosts in one region.
fn login(keystone: &str, region: &str) -> Recording {
    let body = [
        r#"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"domain\":{\"name\":\"OTC-EU-DE-1\"},\"name\":\"u\",\"password\":\""#.to_owned(),
        format!(
            r#"\"}}}}}},\"scope\":{{\"project\":{{\"domain\":{{\"name\":\"OTC-EU-DE-1\"}},\"name\":\"{region}\"}}}}}}}}"#
        ),
    ];
    let catalog = format!(
        r#"[{{\"type\":\"compute\",\"endpoints\":[{{\"interface\":\"public\",\"region\":\"{region}\",\"url\":\"https://ecs\"}}]}}]"#
    );
    let text = format!(
        r#"{{"skywright-recording":1}}
{{"request":{{"method":"POST","url":"{keystone}/auth/tokens","body":[{{"plain":"{}"}},{{"secret-json":"password"}},{{"plain":"{}"}}]}},"response":{{"status":201,"headers":[["x-subject-token","***"]],"body":"{{\"token\":{{\"catalog\":{catalog},\"project\":{{\"id\":\"p\"}}}}}}"}}}}"#,
        body[0], body[1]
    );
    let recording = Recording::parse(&text).unwrap();
    let recording =
        recording.setting("region", region).setting("user", "u").setting("user-domain", "OTC-EU-DE-1");
    recording.credential("password").defaults(&Opentelekom::describe().settings)
}

#[test]
fn each_region_has_its_keystone_and_the_project_of_its_name() {
    for (region, keystone) in [
        ("eu-de", "https://iam.eu-de.otc.t-systems.com/v3"),
        ("eu-nl", "https://iam.eu-nl.otc.t-systems.com/v3"),
        ("eu-ch2", "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3"),
    ] {
        assert_eq!(login(keystone, region).play(Opentelekom::regions).unwrap(), [region]);
    }
}

#[test]
fn objects_are_reached_with_the_tenants_own_keys() {
    for (region, keystone, s3) in [
        ("eu-de", "https://iam.eu-de.otc.t-systems.com/v3", "https://obs.eu-de.otc.t-systems.com"),
        ("eu-nl", "https://iam.eu-nl.otc.t-systems.com/v3", "https://obs.eu-nl.otc.t-systems.com"),
        (
            "eu-ch2",
            "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3",
            "https://obs.eu-ch2.sc.otc.t-systems.com",
        ),
    ] {
        let tenant = login(keystone, region).credential("s3-access-key").credential("s3-secret-key");
        assert_eq!(tenant.play(|| Opentelekom::access(false)).unwrap().endpoint, s3);
    }
}
