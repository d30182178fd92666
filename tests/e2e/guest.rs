//! The hostile guest, loaded once for all tests: what one of them does to the engine, the others feel.

use std::path::{Path, PathBuf};

use skywright_author::{Builder, Options};
use skywright_core::{Home, HostOptions};
use skywright_runtime::{Allocation, ArtefactCache, Compiler, Engine, EngineOptions, Limits, Plugin};
use tokio::sync::OnceCell;

/// The guest on the engine that all tests share.
pub(crate) async fn hostile() -> &'static Plugin {
    static PLUGIN: OnceCell<Plugin> = OnceCell::const_new();
    PLUGIN.get_or_init(load).await
}

/// A host for plugins as they were built: who signed them is what other tests are about.
pub(crate) fn unsigned(home: Home, plugin_folders: Vec<PathBuf>, engine: EngineOptions) -> HostOptions {
    HostOptions { home, plugin_folders, allow_unsigned: true, lock_file: None, engine }
}

async fn load() -> Plugin {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        limits: Limits::default(),
        allocation: Allocation::OnDemand,
        compiler: Compiler::InProcess,
        cache: Some(ArtefactCache::open(folder.path().join("artefacts")).unwrap()),
        core_dumps: true,
    };
    let bytes = std::fs::read(file("hostile")).unwrap();
    Engine::new(options).unwrap().load(&bytes).await.unwrap()
}

/// The file of a fixture: from the folder that `SKYWRIGHT_PLUGINS` names, or built here.
fn file(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("SKYWRIGHT_PLUGINS") {
        return Path::new(&folder).join(format!("{name}.wasm"));
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests").join(name);
    let mut builder = Builder::new(Options::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests")));
    builder.build(&source, &mut |event| println!("{event}")).unwrap().path
}
