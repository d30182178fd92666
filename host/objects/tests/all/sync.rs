//! A folder and a prefix.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use skywright_contract::Category;
use skywright_objects::{
    Action, Bucket, Compare, Direction, Plan, Prefix, Progress, Reason, SyncOptions, Watch,
};

use crate::stage::{local, read_files, write_files};

const DELETE: SyncOptions = SyncOptions { delete: true, compare: Compare::Time };

#[derive(Default)]
struct Seen(Mutex<Progress>);

impl Watch for Seen {
    fn progress(&self, progress: Progress) {
        let mut seen = self.0.lock().unwrap();
        // Told by several tasks, so that the latest call is not always the furthest.
        if progress.objects_done >= seen.objects_done && progress.bytes_done >= seen.bytes_done {
            *seen = progress;
        }
    }
}

async fn plan(bucket: &Bucket, direction: Direction, folder: &Path, options: SyncOptions) -> Plan {
    bucket.plan(direction, folder, &Prefix::new("backup").unwrap(), options).await.unwrap()
}

fn steps(plan: &Plan) -> Vec<(Action, &str, Reason)> {
    plan.steps.iter().map(|step| (step.action, step.name.as_str(), step.reason)).collect()
}

fn set_age(path: &Path, seconds: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
}

#[tokio::test]
async fn a_folder_goes_up_and_comes_down() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let source = folder.path().join("source");
    write_files(&source, &[("a", b"1"), ("d/b", b"22"), ("d/e/c", b"")]);
    let up = plan(&bucket, Direction::Upload, &source, SyncOptions::default()).await;
    let missing = |name| (Action::Upload, name, Reason::Missing);
    assert_eq!(steps(&up), [missing("a"), missing("d/b"), missing("d/e/c")]);
    assert_eq!((up.bytes_total, up.prefix.as_str()), (3, "backup/"));
    assert!(read_files(&folder.path().join("bucket")).is_empty(), "a plan changes nothing");

    let seen = Seen::default();
    let synced = bucket.run(&up, &seen).await.unwrap();
    assert_eq!((synced.moved, synced.bytes, synced.deleted), (3, 3, 0));
    let progress = *seen.0.lock().unwrap();
    assert_eq!((progress.bytes_done, progress.objects_done), (3, 3));
    assert_eq!((progress.bytes_total, progress.objects_total), (Some(3), Some(3)));

    let again = plan(&bucket, Direction::Upload, &source, SyncOptions::default()).await;
    assert_eq!((steps(&again), again.same), (vec![], 3));

    let target = folder.path().join("target");
    let down = plan(&bucket, Direction::Download, &target, SyncOptions::default()).await;
    bucket.run(&down, &()).await.unwrap();
    assert_eq!(read_files(&target), read_files(&source));
    let again = plan(&bucket, Direction::Download, &target, SyncOptions::default()).await;
    assert_eq!((steps(&again), again.same), (vec![], 3));
}

#[tokio::test]
async fn what_differs_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let source = folder.path().join("source");
    write_files(&source, &[("longer", b"12"), ("newer", b"12"), ("same", b"12")]);
    let objects = folder.path().join("bucket/backup");
    write_files(&objects, &[("longer", b"1"), ("newer", b"34"), ("same", b"12")]);
    set_age(&objects.join("newer"), 60);
    set_age(&source.join("same"), 60);
    let up = plan(&bucket, Direction::Upload, &source, SyncOptions::default()).await;
    let expected = [(Action::Upload, "longer", Reason::Size), (Action::Upload, "newer", Reason::Content)];
    assert_eq!((steps(&up), up.same), (expected.to_vec(), 1));
    let strict = SyncOptions { compare: Compare::Checksum, ..SyncOptions::default() };
    assert_eq!(plan(&bucket, Direction::Upload, &source, strict).await.same, 0);
}

#[tokio::test]
async fn deleting_is_asked_for_and_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let source = folder.path().join("source");
    write_files(&source, &[("a", b"1"), ("z", b"2")]);
    write_files(&folder.path().join("bucket"), &[("backup/gone", b"3"), ("backup/a", b"1"), ("other", b"4")]);
    let kept = plan(&bucket, Direction::Upload, &source, SyncOptions::default()).await;
    assert!(kept.steps.iter().all(|step| step.action == Action::Upload));
    let up = plan(&bucket, Direction::Upload, &source, DELETE).await;
    assert_eq!(steps(&up).last(), Some(&(Action::DeleteObject, "gone", Reason::Extra)));

    // A step that fails keeps what would be deleted.
    std::fs::remove_file(source.join("z")).unwrap();
    let error = bucket.run(&up, &()).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound, "{error}");
    assert!(folder.path().join("bucket/backup/gone").exists());

    let up = plan(&bucket, Direction::Upload, &source, DELETE).await;
    bucket.run(&up, &()).await.unwrap();
    let left: Vec<_> = read_files(&folder.path().join("bucket")).into_keys().collect();
    assert_eq!(left, ["backup/a", "other"]);

    write_files(&source, &[("extra/file", b"5")]);
    let down = plan(&bucket, Direction::Download, &source, DELETE).await;
    assert_eq!(steps(&down), [(Action::DeleteFile, "extra/file", Reason::Extra)]);
    bucket.run(&down, &()).await.unwrap();
    assert_eq!(read_files(&source).into_keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn links_are_neither_followed_nor_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let (source, outside) = (folder.path().join("source"), folder.path().join("outside"));
    write_files(&source, &[("a", b"1")]);
    write_files(&outside, &[("secret", b"s")]);
    std::os::unix::fs::symlink(&outside, source.join("link")).unwrap();
    write_files(&folder.path().join("bucket"), &[("backup/link/planted", b"3")]);
    let up = plan(&bucket, Direction::Upload, &source, DELETE).await;
    assert_eq!(steps(&up), [(Action::Upload, "a", Reason::Missing)]);
    assert_eq!(up.skipped.iter().map(|skipped| skipped.name.as_str()).collect::<Vec<_>>(), ["link"]);

    let down = plan(&bucket, Direction::Download, &source, SyncOptions::default()).await;
    assert_eq!(steps(&down), [(Action::Download, "link/planted", Reason::Missing)]);
    let error = bucket.run(&down, &()).await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict, "{error}");
    assert_eq!(read_files(&outside).into_keys().collect::<Vec<_>>(), ["secret"]);
}

#[tokio::test]
async fn a_changed_plan_does_not_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    write_files(&folder.path().join("bucket"), &[("backup/a", b"1")]);
    let target = folder.path().join("target");
    let mut down = plan(&bucket, Direction::Download, &target, SyncOptions::default()).await;
    for name in ["../a", "/tmp/a", "a/../../b"] {
        down.steps[0].name = name.to_owned();
        let error = bucket.run(&down, &()).await.unwrap_err();
        assert_eq!(error.category(), Category::InvalidRequest, "{name}: {error}");
    }
    let missing = folder.path().join("missing");
    let error = bucket.plan(Direction::Upload, &missing, &Prefix::default(), DELETE).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound, "a missing source is not an empty one");
}
