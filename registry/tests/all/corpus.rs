//! The attack corpus, read by our client and, where they are installed, by two others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use skywright_contract::Digest;
use skywright_registry::Error;
use skywright_registry::tuf::{Client, Folder, Store, Verifier};

use crate::cases::{Case, cases};
use crate::support::block_on;

/// Where `tests/rigs/tuf/install` has put the others.
const READERS: &str = "SKYWRIGHT_TUF_READERS";

fn write(folder: &Path, cases: &[Case]) {
    for case in cases {
        let home = folder.join(case.name);
        for (number, (files, _)) in case.visits.iter().enumerate() {
            for (path, bytes) in files {
                let path = home.join((number + 1).to_string()).join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        std::fs::write(home.join("root.json"), &case.visits[0].0["metadata/1.root.json"]).unwrap();
    }
    let list: Vec<_> = cases
        .iter()
        .map(|case| {
            let times: Vec<_> = case.visits.iter().map(|(_, time)| time.to_string()).collect();
            json!({ "name": case.name, "path": case.path, "times": times })
        })
        .collect();
    std::fs::write(folder.join("cases.json"), serde_json::to_vec_pretty(&list).unwrap()).unwrap();
}

/// Our verdict: the digest of what was fetched, or why nothing was.
fn ours(folder: &Path, case: &Case) -> Result<Digest, Error> {
    let home = folder.join(case.name);
    let store = home.join("store");
    Store::create(&store, &std::fs::read(home.join("root.json")).unwrap())?;
    let mut verdict = Err(Error::NotRefreshed);
    for (number, (_, time)) in case.visits.iter().enumerate() {
        let transport = Arc::new(Folder::new(&home.join((number + 1).to_string())));
        let mut client = Client::new(Store::open(&store), transport, case.layout);
        verdict = block_on(async {
            let path = case.path.parse()?;
            client.refresh(*time).await?;
            let target = client.resolve(&path, *time).await?;
            client.fetch(&target).await.map(|bytes| Digest::of(&bytes))
        });
    }
    verdict
}

#[test]
fn every_repository_of_the_corpus_gets_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    write(folder.path(), &cases);
    let mut wrong = Vec::new();
    let mut codes = BTreeMap::<_, usize>::new();
    for case in &cases {
        let verdict = ours(folder.path(), case);
        let accepted = verdict.as_ref().is_ok_and(|digest| *digest == case.digest);
        if let Err(error) = &verdict {
            *codes.entry(error.code()).or_default() += 1;
        }
        if accepted != case.accepted
            || matches!(verdict, Err(Error::Store { .. } | Error::StoreDamaged { .. }))
        {
            wrong.push(format!("{}: {verdict:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A corpus that is refused for one reason alone would show little.
    assert!(codes.len() >= 8, "{codes:?}");
}

#[test]
fn two_other_clients_say_the_same() {
    let Some(readers) = std::env::var_os(READERS).map(PathBuf::from) else {
        eprintln!("{READERS} is not set: the corpus was not read by others");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    write(folder.path(), &cases);
    let rig = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rigs/tuf");
    let python = read(Command::new(readers.join("venv/bin/python")).arg(rig.join("read.py")), folder.path());
    let mut node = Command::new("node");
    let javascript =
        read(node.arg(rig.join("read.js")).env("NODE_PATH", readers.join("node_modules")), folder.path());
    let mut wrong = Vec::new();
    for case in &cases {
        let expected = match &case.differs {
            Some(difference) => (difference.python, difference.javascript),
            None => (case.accepted, case.accepted),
        };
        let digest = case.digest.hex();
        let found = (python[case.name] == digest, javascript[case.name] == digest);
        if found != expected {
            let because = case.differs.as_ref().map_or("", |difference| difference.because);
            wrong.push(format!(
                "{}: python-tuf and tuf-js say {found:?}, not {expected:?} {because}",
                case.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read(command: &mut Command, corpus: &Path) -> BTreeMap<String, String> {
    let output = command.arg(corpus).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
