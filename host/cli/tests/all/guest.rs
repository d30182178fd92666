//! Plugins for the tests: a real one that is committed, and ones that misbehave.

use skywright_contract::{Manifest, WIT, embed_manifest, parse_packages};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// The provider that was built for contract release 0.1.0.
pub(crate) fn example() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/compat/0.1.0/example.wasm");
    std::fs::read(path).unwrap()
}

/// A provider whose `driver.poll` has this body, which must leave an `i32`.
pub(crate) fn polls(body: &str) -> Vec<u8> {
    with_items(body, "")
}

/// A provider whose `driver.poll` fails, two calls deep.
pub(crate) fn crashes() -> Vec<u8> {
    with_items(
        "(call $outer)",
        "(func $outer (result i32) (call $inner)) (func $inner (result i32) (unreachable))",
    )
}

/// A provider with this many functions beside: a lot to compile.
pub(crate) fn large(functions: usize) -> Vec<u8> {
    let one = |number: usize| {
        let work = "(local.set 0 (i32.add (i32.mul (local.get 0) (local.get 0)) (i32.const 7)))".repeat(20);
        format!("(func $f{number} (param i32) (result i32) {work} (local.get 0))")
    };
    with_items("(unreachable)", &(0..functions).map(one).collect::<String>())
}

fn with_items(poll: &str, items: &str) -> Vec<u8> {
    let function = |name: &str, params: &str, body: &str| {
        format!(
            r#"(func ${name} (export "skywright:provider/driver@0.1.0#{name}") {params} (result i32) {body})"#
        )
    };
    let nothing = "(i32.const 1024)";
    let functions = [
        function("describe", "", nothing),
        function("validate", "(param i32 i32)", nothing),
        function("capabilities-of", "(param i32 i32)", nothing),
        function("poll", "(param i32 i32)", poll),
        function("cancel", "(param i32 i32)", nothing),
    ];
    let allocator = "(func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 4096))";
    let memory = "(memory (export \"memory\") 1)";
    component(&format!("(module {memory} {allocator} {items} {})", functions.concat()))
}

fn component(wat: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let mut resolve = parse_packages(WIT.iter().copied()).unwrap();
    let mut map = wit_parser::SourceMap::new();
    let world = "package test:guest; world guest { export skywright:provider/driver@0.1.0; }";
    map.push(std::path::Path::new("test.wit"), world.to_owned());
    let group = map.parse().map_err(|(_, error)| error).unwrap();
    let package = resolve.push_group(group).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().module(&module).and_then(|mut e| e.encode()).unwrap();
    with_manifest(&component)
}

/// A component that is nothing but what this WAT says.
pub(crate) fn raw(wat: &str) -> Vec<u8> {
    with_manifest(&wat::parse_str(wat).unwrap())
}

fn with_manifest(component: &[u8]) -> Vec<u8> {
    let json = r#"{"id":"test/guest","version":"1.2.3","kind":"provider","contract":"0.1.0","title":"A guest",
        "license":"Apache-2.0","report":"https://example.org/defects"}"#;
    embed_manifest(component, &Manifest::from_json(json.as_bytes()).unwrap()).unwrap()
}
