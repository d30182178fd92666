//! Several processes at one file, some of which are killed.
//!
//! Each is this test binary again, told its role by an environment variable.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use skywright_state::{
    Error, Holder, Lease, LeaseRequest, MAX_VALUE_BYTES, Prefix, SqliteStore, Store, StoreExt, Transaction,
    Version,
};

use crate::contract::key;

const ROLE: &str = "SKYWRIGHT_TEST_STATE_ROLE";
const FILE: &str = "SKYWRIGHT_TEST_STATE_FILE";
const PROCESSES: u64 = 6;
const ROUNDS: u64 = 40;
const BATCH: usize = 20;

/// Says something to the parent, which may kill this process right after.
fn tell(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n>{text}").unwrap();
    out.flush().unwrap();
}

/// What a child does. In the parent, where no role is told, nothing.
#[tokio::test]
async fn role() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(std::env::var_os(FILE).unwrap()).unwrap());
    match role.to_str().unwrap() {
        "count" => count(&*store).await,
        "lease" => count_under_leases(&store).await,
        "hold" => hold(&store).await,
        "batches" => commit_batches(&*store).await,
        "fill" => fill(&*store).await,
        other => panic!("no role {other}"),
    }
    tell("done");
}

fn command(role: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::role", "--nocapture", "--test-threads=1"]);
    prepared(command, role, file)
}

fn prepared(mut command: Command, role: &str, file: &Path) -> Command {
    command.env(ROLE, role).env(FILE, file).stdout(Stdio::piped()).stdin(Stdio::null());
    command
}

/// What the child tells, until it ends or is killed.
fn told(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| line.strip_prefix('>').map(str::to_owned))
}

/// Runs all at once and to the end.
fn run_all(commands: Vec<Command>) {
    let children: Vec<_> = commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
    for mut child in children {
        let last = told(&mut child).last();
        assert!(child.wait().unwrap().success());
        assert_eq!(last.as_deref(), Some("done"));
    }
}

async fn count(store: &dyn Store) {
    for _ in 0..ROUNDS {
        loop {
            let found = store.get_json::<u64>(&key("counter")).await.unwrap();
            let (value, version) = found.map_or((0, Version::ABSENT), |found| (found.value, found.version));
            let change = Transaction::new().require(key("counter"), version);
            match store.commit(change.put_json(key("counter"), &(value + 1)).unwrap()).await {
                Ok(_) => break,
                Err(Error::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Without conditions: the lease alone keeps others from writing in between.
async fn count_under_leases(store: &Arc<dyn Store>) {
    let holder = Holder::current("count").unwrap();
    for round in 0..ROUNDS {
        let mut requests =
            vec![LeaseRequest::exclusive(key("counter")), LeaseRequest::exclusive(key("other"))];
        if (round + u64::from(std::process::id())).is_multiple_of(2) {
            requests.reverse();
        }
        requests.push(LeaseRequest::shared(key("everybody")));
        let lease = Lease::acquire(store, &requests, &holder, Duration::MAX).await.unwrap();
        let found = store.get_json::<u64>(&key("counter")).await.unwrap();
        let value = found.map_or(0, |found| found.value) + 1;
        store.commit(Transaction::new().put_json(key("counter"), &value).unwrap()).await.unwrap();
        if round.is_multiple_of(2) {
            lease.release().await.unwrap();
        }
    }
}

async fn hold(store: &Arc<dyn Store>) {
    let requests = [LeaseRequest::exclusive(key("a")), LeaseRequest::shared(key("b"))];
    let holder = Holder::current("hold on").unwrap();
    let _lease = Lease::acquire(store, &requests, &holder, Duration::ZERO).await.unwrap();
    tell("held");
    std::future::pending::<()>().await;
}

async fn commit_batches(store: &dyn Store) {
    let before = store.get_json::<u64>(&key("batch/0")).await.unwrap().map_or(0, |found| found.value);
    for round in before + 1.. {
        let batch = (0..BATCH)
            .fold(Transaction::new(), |batch, n| batch.put_json(key(&format!("batch/{n}")), &round).unwrap());
        store.commit(batch).await.unwrap();
        tell(round);
    }
}

async fn fill(store: &dyn Store) {
    for round in 0.. {
        let put = Transaction::new().put(key(&format!("fill/{round}")), vec![7; MAX_VALUE_BYTES / 16]);
        match store.commit(put).await {
            Ok(_) => tell("kept"),
            Err(error) => {
                assert!(matches!(error, Error::Full { .. }), "{error:?}");
                assert!(error.to_string().contains("state.db cannot grow"), "{error}");
                let kept = store.list(&key("fill").below()).await.unwrap();
                assert_eq!(kept.len(), round, "what was there can be read");
                return;
            }
        }
    }
}

fn final_count(role: &str) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    // The file is made by whoever is first.
    let file = folder.path().join("state/state.db");
    run_all((0..PROCESSES).map(|_| command(role, &file)).collect());
    let store = SqliteStore::open(file).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.get_json::<u64>(&key("counter"))).unwrap().unwrap().value
}

#[test]
fn nothing_is_lost_among_processes_that_compare_and_set() {
    assert_eq!(final_count("count"), PROCESSES * ROUNDS);
}

#[test]
fn nothing_is_lost_among_processes_that_take_leases() {
    assert_eq!(final_count("lease"), PROCESSES * ROUNDS);
}

#[tokio::test]
async fn the_leases_of_a_killed_process_are_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&file).unwrap());
    let holder = Holder::current("take over").unwrap();
    for name in ["a", "b"] {
        let mut child = command("hold", &file).spawn().unwrap();
        assert_eq!(told(&mut child).next().as_deref(), Some("held"));
        let requests = [LeaseRequest::exclusive(key(name))];
        let error = Lease::acquire(&store, &requests, &holder, Duration::ZERO).await.unwrap_err();
        let expected = format!("`{name}` is held by process {} on ", child.id());
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.to_string().contains(" (hold on) since "), "{error}");
        let Error::Held { holder: other, .. } = error else { panic!("{error}") };
        child.kill().unwrap();
        for _ in 0..1000 {
            if !other.is_alive() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // It is a zombie still; nobody has asked how it ended.
        let lease = Lease::acquire(&store, &requests, &holder, Duration::ZERO).await.unwrap();
        child.wait().unwrap();
        lease.release().await.unwrap();
    }
}

#[tokio::test]
async fn a_process_killed_while_it_commits_leaves_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    for round in 0..12 {
        let mut child = command("batches", &file).spawn().unwrap();
        let mut told = told(&mut child);
        let mut last: u64 = told.next().unwrap().parse().unwrap();
        std::thread::sleep(Duration::from_millis(round * 3));
        child.kill().unwrap();
        told.for_each(|line| last = line.parse().unwrap());
        child.wait().unwrap();
        let store = SqliteStore::open(&file).unwrap();
        let batch = store.list_json::<u64>(&Prefix::all()).await.unwrap();
        assert_eq!(batch.len(), BATCH);
        let kept = batch[0].value;
        assert!(batch.iter().all(|found| found.value == kept), "{batch:?}");
        assert!(kept == last || kept == last + 1, "{kept} was kept, {last} was told");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    // Files of this shell and what it becomes end after 1 MiB, and the signal that tells so is ignored.
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$@\"", "sh"]);
    shell.arg(std::env::current_exe().unwrap());
    shell.args(["--exact", "processes::role", "--nocapture", "--test-threads=1"]);
    let mut child = prepared(shell, "fill", &file).spawn().unwrap();
    let told: Vec<String> = told(&mut child).collect();
    assert!(child.wait().unwrap().success());
    let (done, kept) = told.split_last().unwrap();
    assert_eq!(done, "done");
    assert!(!kept.is_empty());
    let store = SqliteStore::open(&file).unwrap();
    assert_eq!(store.list(&Prefix::all()).await.unwrap().len(), kept.len());
    store.commit(Transaction::new().put(key("more"), vec![7; MAX_VALUE_BYTES])).await.unwrap();
}
