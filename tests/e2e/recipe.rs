//! Recipes as features, inside the sandbox: what they answer, how large ones fare, and what one gets that means
//! harm.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use skywright_author::{Builder, Options};
use skywright_recipe::{Source, build, samples};
use skywright_recipe_format::plan::{Action, Plan};
use skywright_runtime::{Allocation, Compiler, Engine, EngineOptions, Error, Limits, Plugin, Session};
use tokio::sync::OnceCell;

/// What every recipe of these tests begins with.
const HEAD: &str = "recipe: 1\nid: tests/stack\nversion: 1.0.0\ntitle: A stack\ndescription: x\nlicense: MIT\nreport: x@example.org\nplatforms: [{ family: debian, versions: [\"12\"] }]\ncheck: { steps: [{ id: look, do: { script: { text: 'true', idempotent: true } } }] }\n";

/// The interpreter, from the folder that `SKYWRIGHT_PLUGINS` names, or built here.
async fn interpreter() -> &'static [u8] {
    static INTERPRETER: OnceCell<Vec<u8>> = OnceCell::const_new();
    INTERPRETER.get_or_init(async || std::fs::read(interpreter_file()).unwrap()).await
}

fn interpreter_file() -> PathBuf {
    let prepared = std::env::var_os("SKYWRIGHT_PLUGINS")
        .map(|folder| Path::new(&folder).join("recipe-interpreter.wasm"));
    if let Some(path) = prepared.filter(|path| path.is_file()) {
        return path;
    }
    let mut builder = Builder::new(Options::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests")));
    builder
        .build(&root().join("plugins/features/interpreter"), &mut |event| println!("{event}"))
        .unwrap()
        .path
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

async fn load(bytes: &[u8]) -> Plugin {
    let limits = Limits { cpu_time: Duration::from_secs(2), ..Limits::default() };
    let engine = Engine::new(EngineOptions {
        limits,
        allocation: Allocation::OnDemand,
        compiler: Compiler::InProcess,
        cache: None,
        core_dumps: false,
    });
    engine.unwrap().load(bytes).await.unwrap()
}

async fn call(plugin: &Plugin, function: &str, arguments: &[Value]) -> Result<Value, Error> {
    let session = std::sync::Arc::new(Session::nothing());
    let function = plugin.function(function).unwrap();
    plugin.instantiate(&session).await.unwrap().call_json(function, arguments).await
}

/// A recipe of this text as a plugin, and its first sample's request for `add`.
async fn hostile(steps: &str) -> (Plugin, Value) {
    let text = format!("{HEAD}add:\n  steps:\n{steps}");
    let source = Source::parse(&text, Path::new("recipe.yaml"), Default::default()).unwrap();
    let feature = build(interpreter().await, &source.bundle).unwrap();
    let request = samples(&source.bundle.recipe)[0].request(Action::Add);
    (load(&feature.bytes).await, serde_json::to_value(request).unwrap())
}

#[tokio::test]
async fn a_recipe_becomes_a_feature_that_imports_nothing() {
    let source = Source::read(&root().join("plugins/features/ntp-client")).unwrap();
    let feature = build(interpreter().await, &source.bundle).unwrap();
    assert_eq!(build(interpreter().await, &source.bundle).unwrap().package.digest, feature.package.digest);
    assert_eq!(feature.package.manifest.id.to_string(), "skywright/ntp-client");
    assert!(feature.interfaces.imports.values().all(|functions| functions.is_empty()));
    assert!(build(&feature.bytes, &source.bundle).is_err(), "a recipe is not written over another");

    let plugin = load(&feature.bytes).await;
    let described = call(&plugin, "recipe.describe", &[]).await.unwrap();
    assert_eq!(described, serde_json::to_value(source.bundle.recipe.describe()).unwrap());
    // Inside the sandbox as natively: what is previewed is what is run.
    for sample in samples(&source.bundle.recipe) {
        let request = sample.request(Action::Add);
        let argument = serde_json::to_value(&request).unwrap();
        assert_eq!(
            call(&plugin, "recipe.validate", std::slice::from_ref(&argument)).await.unwrap(),
            json!([]),
            "{}",
            sample.name
        );
        let answer = call(&plugin, "recipe.next", &[argument]).await.unwrap();
        let plan: Plan = serde_json::from_value(answer.clone()).unwrap();
        let Plan::Round(steps) = plan else { panic!("no round: {answer}") };
        assert!(steps.iter().any(|step| step.id == "configuration"));
    }
}

#[tokio::test]
async fn the_interpreter_alone_refuses() {
    let plugin = load(interpreter().await).await;
    let described = call(&plugin, "recipe.describe", &[]).await.unwrap();
    assert_eq!(described["name"], "recipe-interpreter");
    let source = Source::read(&root().join("plugins/features/ntp-client")).unwrap();
    let request = serde_json::to_value(samples(&source.bundle.recipe)[0].request(Action::Add)).unwrap();
    let error = call(&plugin, "recipe.next", &[request]).await.unwrap_err();
    assert!(matches!(&error, Error::Guest(guest) if guest.code == "no-recipe"), "{error}");
}

#[tokio::test]
async fn templates_that_never_end_are_ended() {
    let forever = "{% for a in range(end=99999) %}{% for b in range(end=99999) %}{% for c in range(end=99999) %}{% set x = c %}{% endfor %}{% endfor %}{% endfor %}";
    let (plugin, request) =
        hostile(&format!("    - {{ id: bomb, do: {{ script: {{ text: {} }} }} }}\n", json!(forever))).await;
    let error = call(&plugin, "recipe.next", &[request]).await.unwrap_err();
    assert!(matches!(&error, Error::Limit(_)), "{error}");
    assert_eq!(error.blame(), skywright_contract::Blame::Plugin);
}

#[tokio::test]
async fn templates_that_take_all_memory_are_ended() {
    let doubled = "{% set_global x = x ~ x %}".repeat(40);
    let bomb = format!("{{% set_global x = \"0123456789abcdef\" %}}{doubled}{{{{ x | length }}}}");
    let (plugin, request) =
        hostile(&format!("    - {{ id: bomb, do: {{ script: {{ text: {} }} }} }}\n", json!(bomb))).await;
    let error = call(&plugin, "recipe.next", &[request]).await.unwrap_err();
    assert!(matches!(&error, Error::Limit(_) | Error::Trap(_) | Error::Guest(_)), "{error}");
    assert_eq!(error.blame(), skywright_contract::Blame::Plugin, "{error}");
}

#[tokio::test]
async fn texts_without_end_and_too_many_hosts_have_a_clear_word() {
    let bomb = "{% for a in range(end=99999) %}0123456789{% endfor %}";
    let (plugin, request) =
        hostile(&format!("    - {{ id: bomb, do: {{ script: {{ text: {} }} }} }}\n", json!(bomb))).await;
    let error = call(&plugin, "recipe.next", std::slice::from_ref(&request)).await.unwrap_err();
    assert!(
        matches!(&error, Error::Guest(guest) if guest.code == "too-long" && guest.hint.is_some()),
        "{error}"
    );

    let mut late = request;
    late["round"] = json!(64);
    let error = call(&plugin, "recipe.next", &[late]).await.unwrap_err();
    assert!(matches!(&error, Error::Guest(guest) if guest.code == "too-much"), "{error}");
}
