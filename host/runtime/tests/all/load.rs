//! What is loaded, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use skywright_contract::{Manifest, PackageError, embed_manifest};
use skywright_runtime::{
    Allocation, ArtefactCache, Compiler, Engine, EngineOptions, Error, LimitName, Limits,
};

use crate::guest::{Guest, engine, manifest, poll, raw, with_manifest};

fn cached(folder: &Path) -> Engine {
    cached_with(folder, Limits::default())
}

fn cached_with(folder: &Path, limits: Limits) -> Engine {
    let cache = Some(ArtefactCache::open(folder).unwrap());
    let (allocation, compiler) = (Allocation::OnDemand, Compiler::InProcess);
    Engine::new(EngineOptions { limits, allocation, compiler, cache, core_dumps: false }).unwrap()
}

fn artefacts(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "artefact")).collect()
}

/// A compiler that cannot be run: whoever gets past it had an artefact.
fn cannot_compile(folder: &Path) -> Engine {
    let cache = Some(ArtefactCache::open(folder).unwrap());
    let compiler = Compiler::Child { program: "/nonexistent".into(), args: Vec::new() };
    let (limits, allocation) = (Limits::default(), Allocation::OnDemand);
    Engine::new(EngineOptions { limits, allocation, compiler, cache, core_dumps: false }).unwrap()
}

#[tokio::test]
async fn a_compiled_plugin_is_kept_and_loaded_without_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("artefacts");
    let plugin = Guest::default().plugin();
    cached(&folder).load(&plugin).await.unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&artefacts(&folder)[0]).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(fs::metadata(folder.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
    let loaded = cannot_compile(&folder).load(&plugin).await.unwrap();
    assert!(poll(&loaded).await.is_ok());
    assert!(loaded.interfaces().exports.contains_key("skywright:provider/driver@0.1.0"));
}

#[tokio::test]
async fn an_artefact_that_was_tampered_with_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("artefacts");
    let plugin = Guest::default().plugin();
    cached(&folder).load(&plugin).await.unwrap();
    let path = artefacts(&folder).remove(0);
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut wrong_mac = good.clone();
    wrong_mac[9] ^= 1;
    for bad in [flipped, wrong_mac, good[..good.len() / 2].to_vec(), Vec::new(), b"\x7fELF".to_vec()] {
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bad).unwrap();
        // It is not loaded: without a compiler there is nothing.
        assert!(matches!(cannot_compile(&folder).load(&plugin).await, Err(Error::Compile { .. })));
        // With one, it is made again.
        assert!(poll(&cached(&folder).load(&plugin).await.unwrap()).await.is_ok());
        assert_eq!(fs::read(&path).unwrap().len(), good.len());
    }
}

#[tokio::test]
async fn an_artefact_of_another_plugin_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("artefacts");
    let (one, other) =
        (Guest::default().plugin(), Guest { poll: "(unreachable)", ..Guest::default() }.plugin());
    cached(&folder).load(&one).await.unwrap();
    let first = artefacts(&folder).remove(0);
    cached(&folder).load(&other).await.unwrap();
    let second = artefacts(&folder).into_iter().find(|path| *path != first).unwrap();
    fs::remove_file(&second).unwrap();
    fs::copy(&first, &second).unwrap();
    assert!(matches!(cannot_compile(&folder).load(&other).await, Err(Error::Compile { .. })));
}

#[tokio::test]
async fn an_artefact_of_another_home_is_not_loaded() {
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mine, theirs) = (mine.path().join("a"), theirs.path().join("a"));
    let plugin = Guest::default().plugin();
    cached(&theirs).load(&plugin).await.unwrap();
    drop(cached(&mine));
    let planted = artefacts(&theirs).remove(0);
    fs::copy(&planted, mine.join(planted.file_name().unwrap())).unwrap();
    assert!(matches!(cannot_compile(&mine).load(&plugin).await, Err(Error::Compile { .. })));
}

#[tokio::test]
async fn an_artefact_for_other_settings_of_the_engine_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("artefacts");
    let plugin = Guest::default().plugin();
    cached(&folder).load(&plugin).await.unwrap();
    let smaller = Limits { stack_bytes: 64 << 10, ..Limits::default() };
    assert!(cached_with(&folder, smaller).load(&plugin).await.is_ok());
}

#[tokio::test]
async fn a_folder_that_others_may_write_to_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(ArtefactCache::open(folder.path()), Err(Error::ArtefactFolder { .. })));
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/tmp", &link).unwrap();
    assert!(ArtefactCache::open(&link).is_err());
}

#[tokio::test]
async fn precompiled_code_is_not_a_plugin() {
    let engine = wasmtime::Engine::default();
    let machine_code = engine.precompile_component(&component_bytes()).unwrap();
    let error = crate::guest::engine(Limits::default()).load(&machine_code).await.err().unwrap();
    assert!(matches!(error, Error::Package(PackageError::Precompiled)), "{error:?}");
}

fn component_bytes() -> Vec<u8> {
    wat::parse_str("(component)").unwrap()
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_parsed() {
    let limits = Limits { component_bytes: 1000, ..Limits::default() };
    match engine(limits).load(&vec![0; 1001]).await {
        Err(Error::Limit(limit)) => {
            assert_eq!((limit.limit, limit.used), (LimitName::ComponentBytes, Some(1001)));
        }
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn a_component_without_manifest_or_with_two_is_refused() {
    let bare = wat::parse_str("(component)").unwrap();
    let engine = engine(Limits::default());
    let refused = async |bytes: &[u8]| match engine.load(bytes).await {
        Err(Error::Package(error)) => error,
        other => panic!("{:?}", other.err()),
    };
    assert_eq!(refused(&bare).await, PackageError::NoManifest);
    let one = with_manifest(&bare, "");
    let mut two = one.clone();
    two.extend_from_slice(&one[bare.len()..]);
    assert_eq!(refused(&two).await, PackageError::SeveralManifests);
}

#[tokio::test]
async fn a_manifest_that_lies_about_its_kind_or_contract_is_refused() {
    let engine = engine(Limits::default());
    let load = async |manifest: Manifest| {
        let bytes = embed_manifest(&wat::parse_str("(component)").unwrap(), &manifest).unwrap();
        match engine.load(&bytes).await {
            Err(Error::Package(error)) => error,
            other => panic!("{:?}", other.err()),
        }
    };
    assert!(matches!(load(manifest("")).await, PackageError::MissingExport { .. }));
    let newer = Manifest { contract: "0.2.0".parse().unwrap(), ..manifest("") };
    let error = load(newer).await;
    assert_eq!(
        error.to_string(),
        "the plugin was built for contract 0.2.0, this host speaks 0.1.0: the host is older"
    );
    assert_eq!(error.hint().unwrap(), "update skywright");
}

#[tokio::test]
async fn a_driver_with_other_types_is_refused_with_the_difference() {
    let wat = r#"(component
        (core module $m (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $poll (result u32) (canon lift (core func $i "f")))
        (instance $driver (export "poll" (func $poll)))
        (export "skywright:provider/driver@0.1.0" (instance $driver)))"#;
    match engine(Limits::default()).load(&raw(wat, "")).await {
        Err(Error::Package(PackageError::WrongShape { interface, difference })) => {
            assert_eq!(interface, "skywright:provider/driver@0.1.0");
            assert!(difference.contains("`cancel` is missing"), "{difference}");
        }
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn code_that_does_not_validate_is_refused() {
    let mut plugin = Guest::default().component();
    let at = plugin.len() / 2;
    plugin[at] ^= 0xff;
    assert!(engine(Limits::default()).load(&with_manifest_unchecked(&plugin)).await.is_err());
}

/// Appends a manifest section to bytes that may not be a component any more.
fn with_manifest_unchecked(bytes: &[u8]) -> Vec<u8> {
    let clean = wat::parse_str("(component)").unwrap();
    let section = with_manifest(&clean, "")[clean.len()..].to_vec();
    [bytes, &section].concat()
}
