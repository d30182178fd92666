//! Guests as WAT: a whole provider whose every function is a few lines, so that a test writes only
//! the part that matters.

use std::sync::Arc;

use skywright_contract::{Manifest, WIT, embed_manifest, parse_packages};
use skywright_runtime::{Allocation, Compiler, Engine, EngineOptions, Error, Limits, Plugin, Session};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// What a test changes in the guest that does everything right and nothing much.
#[derive(Default)]
pub(crate) struct Guest<'a> {
    /// Core imports, such as `(import "skywright:host/log@0.1.0" "write" (func $log …))`.
    pub(crate) imports: &'a str,
    /// More WIT items of the guest's world.
    pub(crate) world: &'a str,
    /// More items of the module.
    pub(crate) items: &'a str,
    /// The body of `driver.poll`: locals `$token` and `$length`; it must leave an `i32`.
    pub(crate) poll: &'a str,
    /// The body of `driver.describe`.
    pub(crate) describe: &'a str,
    /// The module's memory; one page by default.
    pub(crate) memory: &'a str,
    /// What `cabi_realloc`, which the host calls to pass something in, does first.
    pub(crate) allocate: &'a str,
    /// Capabilities of the manifest, as JSON.
    pub(crate) capabilities: &'a str,
}

/// Where the guest's static data begins: an answer `ok(done(""))` of `poll` lies there.
pub(crate) const DONE: &str = "(i32.const 1024)";

impl Guest<'_> {
    /// The core module.
    fn wat(&self) -> String {
        let or =
            |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
        let poll = or(self.poll, DONE);
        // All zeroes read as empty strings and lists.
        let describe = or(self.describe, "(i32.const 2048)");
        let memory = or(self.memory, r#"(memory (export "memory") 1)"#);
        format!(
            r#"(module
  {imports}
  {memory}
  (global $free (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    {allocate}
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  {items}
  (func (export "skywright:provider/driver@0.1.0#describe") (result i32) {describe})
  (func (export "skywright:provider/driver@0.1.0#validate") (param i32 i32) (result i32) (i32.const 2048))
  (func (export "skywright:provider/driver@0.1.0#capabilities-of") (param i32 i32) (result i32) (i32.const 2048))
  (func $poll (export "skywright:provider/driver@0.1.0#poll") (param $token i32) (param $length i32) (result i32) {poll})
  (func (export "skywright:provider/driver@0.1.0#cancel") (param i32 i32) (result i32) (unreachable)))"#,
            allocate = self.allocate,
            imports = self.imports,
            items = self.items,
        )
    }

    /// The component, without a manifest.
    pub(crate) fn component(&self) -> Vec<u8> {
        component(&self.wat(), self.world)
    }

    /// The component, with its manifest.
    pub(crate) fn plugin(&self) -> Vec<u8> {
        with_manifest(&self.component(), self.capabilities)
    }
}

/// A core module of the contract's types, as a component without a manifest.
fn component(wat: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).expect("the WAT parses");
    let mut resolve = parse_packages(WIT.iter().copied()).expect("the contract parses");
    let mut map = wit_parser::SourceMap::new();
    let text = format!(
        "package test:guest; world guest {{ include skywright:provider/imports@0.1.0; export skywright:provider/driver@0.1.0; {world} }}"
    );
    map.push(std::path::Path::new("test.wit"), text);
    let group = map.parse().map_err(|(_, error)| error).expect("the test's world parses");
    let package = resolve.push_group(group).expect("the test's world resolves");
    let world = resolve.select_world(&[package], Some("guest")).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it takes metadata");
    ComponentEncoder::default().module(&module).and_then(|mut e| e.encode()).expect("it becomes a component")
}

/// The component with the manifest of a provider that asks for these capabilities.
pub(crate) fn with_manifest(component: &[u8], capabilities: &str) -> Vec<u8> {
    embed_manifest(component, &manifest(capabilities)).expect("the manifest goes in")
}

pub(crate) fn manifest(capabilities: &str) -> Manifest {
    let json = format!(
        r#"{{"id":"test/guest","version":"1.2.3","kind":"provider","contract":"0.1.0","title":"A guest",
            "license":"Apache-2.0","report":"https://example.org/defects","capabilities":[{capabilities}]}}"#
    );
    Manifest::from_json(json.as_bytes()).expect("the manifest is valid")
}

/// A component as it is, with a manifest.
pub(crate) fn raw(wat: &str, capabilities: &str) -> Vec<u8> {
    with_manifest(&wat::parse_str(wat).expect("the WAT parses"), capabilities)
}

pub(crate) fn engine(limits: Limits) -> Engine {
    engine_with(limits, Allocation::OnDemand)
}

pub(crate) fn engine_with(limits: Limits, allocation: Allocation) -> Engine {
    Engine::new(EngineOptions {
        limits,
        allocation,
        compiler: Compiler::InProcess,
        cache: None,
        core_dumps: false,
    })
    .expect("the engine starts")
}

/// Calls `driver.poll` once, in a fresh instance.
pub(crate) async fn poll(plugin: &Plugin) -> Result<serde_json::Value, Error> {
    call(plugin, "driver.poll", &[serde_json::json!("token")]).await
}

pub(crate) async fn call(
    plugin: &Plugin,
    function: &str,
    args: &[serde_json::Value],
) -> Result<serde_json::Value, Error> {
    let session = Arc::new(Session::nothing());
    let mut instance = plugin.instantiate(&session).await?;
    instance.call_json(plugin.function(function)?, args).await
}

/// A guest that a test expects to fail, and then a plain one on the same engine: the host is alive.
pub(crate) async fn fails(limits: Limits, guest: &Guest<'_>) -> Error {
    let engine = engine(limits);
    let error = match engine.load(&guest.plugin()).await {
        Err(error) => error,
        Ok(plugin) => poll(&plugin).await.expect_err("the guest was not stopped"),
    };
    alive(&engine).await;
    error
}

pub(crate) async fn alive(engine: &Engine) {
    let plain = engine.load(&Guest::default().plugin()).await.expect("the next plugin loads");
    assert_eq!(poll(&plain).await.expect("the next call is fine"), serde_json::json!({ "done": "" }));
}

/// A valid provider whose component makes this many empty core instances besides its own.
pub(crate) fn plugin_with_instances(count: usize) -> Vec<u8> {
    use wasm_encoder::{ComponentSection, InstanceSection, ModuleArg};
    let mut component = Guest::default().component();
    let mut depth = 0;
    let mut modules = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&component) {
        match payload.expect("it parses") {
            wasmparser::Payload::ModuleSection { .. } => (modules, depth) = (modules + 1, depth + 1),
            wasmparser::Payload::ComponentSection { .. } => depth += 1,
            wasmparser::Payload::End(_) => depth -= 1,
            _ => {}
        }
        assert!(depth < 2, "the guest's component nests deeper than this counts");
    }
    wasm_encoder::ModuleSection(&wasm_encoder::Module::new()).append_to_component(&mut component);
    let mut instances = InstanceSection::new();
    for _ in 0..count {
        instances.instantiate(modules, std::iter::empty::<(&str, ModuleArg)>());
    }
    instances.append_to_component(&mut component);
    with_manifest(&component, "")
}
