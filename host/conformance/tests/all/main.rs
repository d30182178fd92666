//! The suite against a cloud in memory: one that keeps the contract passes, and each defect is found by the
//! check that is for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cloud;

use std::sync::Arc;

use cloud::{Cloud, Defect};
use skywright_conformance::{CheckReport, Listener, Meter, Options, Outcome, Pace, Report, RunName, run};
use tokio_util::sync::CancellationToken;

fn options() -> Options {
    Options { pace: Pace::Replay, ..Options::new(RunName::of_seed("test")) }
}

async fn suite(defect: Option<Defect>) -> (Report, Arc<Cloud>) {
    let cloud = Arc::new(Cloud::new(defect));
    let (meter, stop) = (Arc::new(Meter::new()), CancellationToken::new());
    let report = run(cloud.clone(), options(), meter, &skywright_conformance::Silent, &stop).await.unwrap();
    (report, cloud)
}

fn failed(report: &Report) -> Vec<String> {
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    failed.map(|check| format!("{}/{}", check.family, check.name)).collect()
}

#[tokio::test]
async fn what_keeps_the_contract_passes_and_nothing_is_left() {
    let (report, cloud) = suite(None).await;
    let reasons: Vec<_> = report.checks.iter().filter(|c| c.outcome == Outcome::Failed).collect();
    assert!(report.is_conforming(), "{reasons:#?}");
    assert!(report.summary.passed > 15 && report.summary.skipped > 10, "{:?}", report.summary);
    assert_eq!(cloud.count(), 0);
}

#[tokio::test]
async fn each_defect_is_found_by_its_check() {
    for (defect, check) in [
        (Defect::SecondOnAgain, "networks/again"),
        (Defect::DeleteOnlyOnce, "networks/life-cycle"),
        (Defect::TagsAdded, "networks/tags"),
        (Defect::NoIntent, "networks/life-cycle"),
        (Defect::AbandonNothing, "cleanup/nothing-left"),
        (Defect::EndlessPages, "networks/life-cycle"),
        (Defect::AnyToken, "driver/unknown-token"),
        (Defect::NetworkNeverInUse, "networks/in-use"),
        (Defect::MemoryOfChanges, "subnets/poll-after-restart"),
        (Defect::AnyKey, "keypairs/same-name"),
    ] {
        let (report, _) = suite(Some(defect)).await;
        let failed = failed(&report);
        assert!(failed.iter().any(|name| name == check), "{defect:?}: {failed:?}");
    }
}

/// Stops the run when a check has ended.
struct StopAfter(&'static str, CancellationToken);

impl Listener for StopAfter {
    fn end(&self, report: &CheckReport) {
        if report.name == self.0 {
            self.1.cancel();
        }
    }
}

#[tokio::test]
async fn who_stops_it_finds_everything_taken_away() {
    let cloud = Arc::new(Cloud::new(None));
    let stop = CancellationToken::new();
    let listener = StopAfter("unknown", stop.clone());
    let report = run(cloud.clone(), options(), Arc::new(Meter::new()), &listener, &stop).await.unwrap();
    assert!(report.stopped && !report.is_conforming());
    assert!(report.checks.iter().any(|check| check.reason.as_deref() == Some("the run was stopped")));
    assert_eq!(cloud.count(), 0);
}

#[tokio::test]
async fn one_family_alone() {
    let cloud = Arc::new(Cloud::new(Some(Defect::AnyToken)));
    let only = |family: &str| Options { only: vec![family.to_owned()], ..options() };
    let (meter, stop) = (Arc::new(Meter::new()), CancellationToken::new());
    let silent = &skywright_conformance::Silent;
    let report = run(cloud.clone(), only("keypairs"), Arc::clone(&meter), silent, &stop).await.unwrap();
    assert!(report.is_conforming() && report.checks.len() == 4, "{:?}", report.checks);
    let error = run(cloud, only("weather"), meter, silent, &stop).await.unwrap_err();
    assert_eq!(error.code(), "unknown-family");
}
