//! Operations that failed, are settled, and are over for long.

use skywright_core::operation::{OperationRecord, Phase};
use skywright_core::resource::{Chosen, CreateBucket, CreateNetwork, DeleteNetworks, Reconcile, Verdict};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Site, Thing, Trouble};
use crate::survival::{killed, name, network, run};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

async fn last(site: &Site) -> OperationRecord {
    site.tenancy().await.operations().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_delete_that_failed_is_settled_by_its_user() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    site.cloud.trouble(4, Trouble::Refused);
    let delete = DeleteNetworks { references: vec!["lan".to_owned()], force: true };
    run(&site, &delete).await.unwrap_err();
    site.cloud.calm();
    let tenancy = site.tenancy().await;
    let operation =
        tenancy.operations().await.unwrap().into_iter().find(|o| o.phase == Phase::Failed).unwrap();
    let error = tenancy.abort(&operation.id).await.unwrap_err();
    assert_eq!(error.code(), "irreversible");
    assert!(error.hint().unwrap().contains(&format!("operation forget {}", operation.id)));
    let left = tenancy.forget(&operation.id).await.unwrap();
    assert!(left.iter().any(|step| step.status == "failed"), "{left:?}");
    let error = tenancy.resume(&operation.id, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.code(), "operation-over");
    assert!(tenancy.operation_steps(&operation.id).await.unwrap().is_empty());
    // What is left has its record, and is deleted as ever.
    run(&site, &delete).await.unwrap();
    assert!(site.cloud.census().is_empty());
}

#[tokio::test]
async fn what_a_forgotten_create_left_is_found_and_its_name_is_free() {
    let site = Site::new();
    site.cloud.trouble(9, Trouble::Refused);
    run(&site, &CreateNetwork { keep_on_failure: true, ..network() }).await.unwrap_err();
    site.cloud.calm();
    let tenancy = site.tenancy().await;
    let left = tenancy.forget(&last(&site).await.id).await.unwrap();
    assert!(left.iter().any(|step| step.name == "network" && step.id.is_some()), "{left:?}");
    assert_eq!(last(&site).await.phase, Phase::Forgotten);
    assert!(tenancy.networks(false).await.unwrap().is_empty());
    let comparison = tenancy.compare().await.unwrap();
    assert!(comparison.findings.iter().all(|finding| finding.verdict == Verdict::Orphan), "{comparison:?}");
    let chosen = comparison.proposals().filter_map(Chosen::proposed).collect();
    run(&site, &Reconcile { chosen }).await.unwrap();
    assert!(site.cloud.census().is_empty());
    run(&site, &network()).await.unwrap();
}

#[tokio::test]
async fn what_was_cut_off_can_be_forgotten_and_what_is_at_work_cannot() {
    let site = Site::new();
    assert!(!killed(&site, &network(), 5, Trouble::SilentAfter).await);
    let operation = last(&site).await;
    site.tenancy().await.forget(&operation.id).await.unwrap();
    assert!(site.tenancy().await.recover(&CancellationToken::new()).await.unwrap().is_empty());
    let (at_work, other) = (site.tenancy().await, site.tenancy().await);
    site.cloud.trouble(3, Trouble::SilentBefore);
    let stop = CancellationToken::new();
    let change = network();
    let second = async {
        while site.cloud.requests() < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let running = other.operations().await.unwrap().into_iter().find(|o| o.phase == Phase::Running);
        let error = other.forget(&running.unwrap().id).await.unwrap_err();
        site.cloud.calm();
        stop.cancel();
        error
    };
    let (_, error) = tokio::join!(at_work.run(&change, &stop), second);
    assert!(error.to_string().contains("held by process"), "{error}");
}

#[tokio::test]
async fn history_ends_after_three_months_and_what_is_not_settled_stays() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    site.cloud.trouble(4, Trouble::Refused);
    run(&site, &DeleteNetworks { references: vec!["lan".to_owned()], force: true }).await.unwrap_err();
    site.cloud.calm();
    let recover = async || site.tenancy().await.recover(&CancellationToken::new()).await.unwrap();
    site.age_operations(89 * DAY_MS).await;
    recover().await;
    assert_eq!(site.tenancy().await.operations().await.unwrap().len(), 2);
    site.age_operations(2 * DAY_MS).await;
    recover().await;
    let left = site.tenancy().await.operations().await.unwrap();
    assert_eq!(left.iter().map(|record| record.phase).collect::<Vec<_>>(), [Phase::Failed]);
}

#[tokio::test]
async fn a_bucket_whose_answer_was_lost_is_taken_back() {
    for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
        let site = Site::new();
        site.cloud.plant("mine", Thing { kind: "bucket", ..Thing::default() });
        // The listing comes first.
        assert!(!killed(&site, &CreateBucket { name: name("backups") }, 2, trouble).await);
        let tenancy = site.tenancy().await;
        tenancy.abort(&last(&site).await.id).await.unwrap();
        let buckets: Vec<_> = tenancy.buckets(true).await.unwrap().into_iter().map(|b| b.name).collect();
        assert_eq!(buckets, ["mine"], "{trouble:?}");
        run(&site, &CreateBucket { name: name("backups") }).await.unwrap();
        assert_eq!(site.cloud.census()["bucket"], 2);
    }
}

#[tokio::test]
async fn a_bucket_whose_answer_was_lost_is_found_again() {
    for trouble in [Trouble::Refused, Trouble::AnswerLost] {
        for at in 1.. {
            let site = Site::new();
            site.cloud.trouble(at, trouble);
            let made = run(&site, &CreateBucket { name: name("backups") }).await.is_ok();
            let over = site.cloud.requests() < at;
            site.cloud.calm();
            assert_eq!(site.cloud.census().contains_key("bucket"), made, "{trouble:?} at {at}");
            if over {
                break;
            }
        }
    }
}
