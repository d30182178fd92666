//! What stands before each load: lock file, standing, policy, digest, audit log. In a home that knows 1,000
//! plugins of 1,000 publishers, by `skywright repo add`, and has fifty of them installed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use skywright_contract::{Digest, Kind, PluginId};
use skywright_registry::tuf::{HexDigest, KeyId};
use skywright_registry::{
    Authorised, Installed, LockFile, LockFileStore, LockedPlugin, LockedRepository, Places, Repositories,
    Standing, read_plugin,
};

use crate::report::Report;
use crate::{Outcome, registry};

const ROUNDS: usize = 25;
const KNOWN: usize = 1000;
const INSTALLED: usize = 50;
const BYTES: usize = 1 << 20;

pub(crate) fn measure(skywright: &Path, report: &mut Report) -> Outcome<()> {
    let home = tempfile::tempdir()?;
    let (installed, now) = (Installed::new(Places::below(home.path())), Timestamp::now());
    let repository = home.path().join("repository");
    registry::write(&repository, KNOWN, 1)?;
    let run = |args: &[&Path]| {
        let mut command = Command::new(skywright);
        command
            .args(args)
            .env("SKYWRIGHT_HOME", home.path())
            .env_remove("SKYWRIGHT_PLUGINS")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        match command.status()? {
            status if status.success() => Outcome::Ok(()),
            status => Err(format!("{args:?} ended with {status}").into()),
        }
    };
    let root = repository.join("metadata/1.root.json");
    run(&["repo".as_ref(), "add".as_ref(), "main".as_ref(), &repository, "--root".as_ref(), &root])?;
    let file = fill(&installed, now)?;
    let (mut check, mut bare, mut list, mut process) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        check.push(timed(|| installed.load("p7/cloud", now).map(drop))?);
        // What has to be done for any plugin: one read, one digest.
        bare.push(timed(|| read_plugin(&file).map(|found| Digest::of(&found.bytes)).map(|_| ()))?);
        list.push(timed(|| installed.list(now).map(drop))?);
        process.push(timed(|| run(&["plugin".as_ref(), "list".as_ref()]))?);
    }
    let [check, bare, list, process] = [check, bare, list, process].map(median);
    let parts = format!("load {check:.2} ms, of it read and digest of 1 MiB {bare:.2} ms, 50 installed");
    report.add("check before a load", check - bare, "ms", Some(2.0), parts);
    let parts =
        format!("the whole process, {KNOWN} known and {INSTALLED} installed; {list:.2} ms of it for these");
    report.add("plugin list", process, "ms", Some(50.0), parts);
    Ok(())
}

fn timed<E: Into<Box<dyn std::error::Error>>>(work: impl FnOnce() -> Result<(), E>) -> Outcome<Duration> {
    let start = Instant::now();
    work().map_err(Into::into)?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// Fifty plugins of those that the repository lists. Gives the file of one of them.
fn fill(installed: &Installed, now: Timestamp) -> Outcome<std::path::PathBuf> {
    let places = installed.places();
    let repositories = Repositories::read(&places.repositories_file())?;
    let repository = repositories.get("main")?;
    let standing_folder = places.repository(&repository.name);
    let mut standing = Standing::read(&standing_folder)?.ok_or("the repository has no standing")?;
    let mut lock = LockFile::default();
    let locked = LockedRepository { root_sha256: repository.root_sha256.0, floors: standing.versions };
    lock.repositories.insert("main".to_owned(), locked);
    for number in 0..INSTALLED {
        let (id, plugin) = plugin(installed, number)?;
        let authorised = Authorised {
            length_bytes: plugin.length_bytes,
            sha256: HexDigest(plugin.sha256),
            owner_key_ids: plugin.owner_key_ids.clone(),
            signer_key_ids: plugin.signer_key_ids.clone(),
            capabilities: plugin.capabilities.clone(),
            yanked: None,
            seen_fresh: now,
        };
        standing.authorised.insert(plugin.path.clone(), authorised);
        lock.plugins.insert(id, plugin);
    }
    let store = LockFileStore::new(places.lock_file());
    store.replace(&store.read()?, &lock)?;
    standing.write(&standing_folder)?;
    let digest = lock.plugins.values().next().map(|plugin| plugin.sha256).ok_or("nothing is installed")?;
    let file = installed.content_store().path(&digest);
    Ok(Path::new(&file).to_owned())
}

fn plugin(installed: &Installed, number: usize) -> Outcome<(PluginId, LockedPlugin)> {
    let key = |byte: &str| byte.repeat(32).parse::<KeyId>();
    let bytes: Vec<u8> = (0..BYTES).map(|at| (at * 31 + number * 7) as u8).collect();
    let plugin = LockedPlugin {
        version: "1.0.0".parse()?,
        kind: Kind::Provider,
        title: format!("Plugin {number}"),
        repository: "main".to_owned(),
        site: None,
        path: format!("plugins/p{number}/cloud/1.0.0/component.wasm").parse()?,
        length_bytes: BYTES as u64,
        sha256: installed.content_store().put(&bytes)?,
        sbom_sha256: Digest::of(b"sbom"),
        owner_key_ids: [key("11")?, key("22")?].into(),
        signer_key_ids: [key("11")?, key("22")?, key("33")?, key("44")?, key("55")?].into(),
        contract: "0.1.0".parse()?,
        capabilities: skywright_contract::Capability::ALL.iter().copied().collect(),
    };
    Ok((format!("p{number}/cloud").parse()?, plugin))
}
