//! The conformance suite against the provider of this machine's hosts.

use super::Site;
use super::traces::Traces;

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_family_conforms() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    let done = site.run(&["plugin", "conformance", "skywright/local", "--tenant", "local"]).await;
    let report = done.result();
    let checks = report["checks"].as_array().unwrap();
    let of = |outcome: &str| -> Vec<_> {
        checks.iter().filter(|check| check["outcome"] == outcome).map(|check| &check["family"]).collect()
    };
    assert!(of("failed").is_empty() && of("blocked").is_empty(), "{report:#}");
    for family in [
        "driver",
        "catalog",
        "hosts",
        "networks",
        "security-groups",
        "addresses",
        "volumes",
        "object-storage",
        "quotas",
    ] {
        assert!(of("passed").iter().any(|passed| **passed == family), "{family}: {report:#}");
    }
    before.assert_none_new();
}
