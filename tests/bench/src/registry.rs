//! Repositories of plugins on this machine's disk: how long until one file is known to be good.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use skywright_registry::tuf::document::{
    Document, LatestSnapshot, MetaFile, Root, Snapshot, TargetEntry, Targets, WholeSecond,
};
use skywright_registry::tuf::{
    Client, Folder, KeyPair, Layout, Namespace, Signer, Store, TargetPath, Verifier,
};

use crate::Outcome;
use crate::report::Report;

const ROUNDS: usize = 9;
const NOW: &str = "2026-11-22T00:00:00Z";

pub(crate) async fn measure(report: &mut Report) -> Outcome<()> {
    for (name, publishers, files, goal) in [
        ("resolve: 1000 publishers x 20", 1000, 20, 50.0),
        ("resolve: 1 publisher x 10000", 1, 10_000, 1000.0),
    ] {
        let folder = tempfile::tempdir()?;
        let (repository, store) = (folder.path().join("repository"), folder.path().join("store"));
        write(&repository, publishers, files)?;
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            Store::create(&store, &std::fs::read(repository.join("metadata/1.root.json"))?)?;
            first.push(resolve_one(&repository, &store).await?);
            again.push(resolve_one(&repository, &store).await?);
            std::fs::remove_dir_all(&store)?;
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort();
            times[times.len() / 2].as_secs_f64() * 1000.0
        };
        let (first, again) = (median(&mut first), median(&mut again));
        let parts = format!("the first time, written to disk; {again:.1} ms without news");
        report.add(name, first, "ms", Some(goal), parts);
    }
    Ok(())
}

async fn resolve_one(repository: &Path, store: &Path) -> Outcome<Duration> {
    let path: TargetPath = "plugins/p0/cloud/1.0.7/component.wasm".parse()?;
    let now = NOW.parse()?;
    let start = Instant::now();
    let mut client = Client::new(Store::open(store), Arc::new(Folder::new(repository)), Layout::Publishers);
    client.refresh(now).await?;
    client.resolve(&path, now).await?;
    Ok(start.elapsed())
}

/// Every publisher has a key of its own and lists all its files itself.
pub(crate) fn write(folder: &Path, publishers: usize, files: usize) -> Outcome<()> {
    let expires = WholeSecond::new("2027-06-01T00:00:00Z".parse()?);
    let registry = KeyPair::from_seed(&[1; 32])?;
    let key = registry.public_key();
    let roles = ["root", "targets", "snapshot", "timestamp"].map(|role| (role, (vec![key], 1)));
    let metadata = folder.join("metadata");
    std::fs::create_dir_all(&metadata)?;
    let put = |name: &str, document: &Document, signer: &KeyPair| -> Outcome<MetaFile> {
        let bytes = document.sign(&[signer])?;
        std::fs::write(metadata.join(name), &bytes)?;
        Ok(MetaFile::of(document.version(), &bytes))
    };
    put("1.root.json", &Document::Root(Root::new(1, expires, &roles.into())), &registry)?;
    let mut meta = BTreeMap::new();
    let mut targets = Targets::new(1, expires);
    for publisher in 0..publishers {
        let pair = KeyPair::generate()?;
        let namespace: Namespace = format!("p{publisher}").parse()?;
        let mut role = Targets::new(1, expires);
        for file in 0..files {
            let path = format!("plugins/{namespace}/cloud/1.0.{file}/component.wasm").parse()?;
            let facts = json!({ "plugin": {
                "id": format!("{namespace}/cloud"), "version": format!("1.0.{file}"), "kind": "provider",
                "contract": "0.1.0", "title": "A cloud", "license": "Apache-2.0",
                "capabilities": ["cache", "clock", "http", "log", "settings"], "sbom": "00".repeat(32),
            }});
            role.targets.insert(path, TargetEntry::of(file.to_string().as_bytes(), Some(facts)));
        }
        let name = namespace.owner_role();
        meta.insert(format!("{name}.json"), put(&format!("1.{name}.json"), &Document::Targets(role), &pair)?);
        targets.delegate(&name, &[pair.public_key()], 1, namespace.pattern());
    }
    meta.insert("targets.json".to_owned(), put("1.targets.json", &Document::Targets(targets), &registry)?);
    let snapshot = put("1.snapshot.json", &Document::Snapshot(Snapshot::new(1, expires, meta)), &registry)?;
    let timestamp = LatestSnapshot::new(1, expires, snapshot);
    put("timestamp.json", &Document::Timestamp(timestamp), &registry)?;
    Ok(())
}
