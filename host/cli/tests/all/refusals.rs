//! Files that are not plugins, or not ones that keep the contract: exit code 20.

use crate::guest;
use crate::run::Place;

fn refused(bytes: impl AsRef<[u8]>) -> String {
    let place = Place::for_development();
    place.put("guest.wasm", bytes);
    let json = place.run(&["plugin", "check", "guest.wasm", "-o", "json"]).json_error();
    assert_eq!((&json["code"], &json["blame"]), (&"not-a-plugin".into(), &"plugin".into()), "{json}");
    place.run(&["plugin", "check", "guest.wasm"]).shown()
}

#[test]
fn what_is_not_a_component() {
    insta::assert_snapshot!(refused(wat::parse_str("(module)").unwrap()), @"
    exit 20
    stderr:
    error: this is a core WebAssembly module, not a component
    hint: `skywright plugin build DIR` makes a plugin of a guest crate or of another tool chain's component
    ");
    insta::assert_snapshot!(refused(b"\x7fELF\x02\x01\x01"), @"
    exit 20
    stderr:
    error: this is precompiled machine code, not a plugin; only components are accepted
    hint: give the `.wasm` file that it was compiled from
    ");
    insta::assert_snapshot!(refused(wat::parse_str("(component)").unwrap()), @"
    exit 20
    stderr:
    error: the component has no `skywright:manifest` section, so nothing says what it is
    hint: `skywright plugin build DIR` makes a plugin of a guest crate or of another tool chain's component
    ");
    insta::assert_snapshot!(refused("\u{1b}[31mjunk"), @"
    exit 20
    stderr:
    error: this is not a WebAssembly component: magic header not detected: bad magic number (at offset 0x0)
    ");
}

#[test]
fn what_asks_for_more_than_there_is() {
    let import = |name: &str| guest::raw(&format!(r#"(component (import "{name}" (instance)))"#));
    insta::assert_snapshot!(refused(import("wasi:sockets/tcp@0.2.0")), @"
    exit 20
    stderr:
    error: the plugin imports what no capability covers: wasi:sockets/tcp@0.2.0
    hint: sockets are not lent to plugins; requests go through `skywright:host/http` or `wasi:http`
    ");
    insta::assert_snapshot!(refused(import("acme:cloud/backdoor@1.0.0")), @"
    exit 20
    stderr:
    error: the plugin imports what no capability covers: acme:cloud/backdoor@1.0.0
    hint: the host lends `skywright:host/*`, `wasi:http` and WASI 0.2 without sockets
    ");
    insta::assert_snapshot!(refused(import("skywright:host/http@0.1.0")), @"
    exit 20
    stderr:
    error: the manifest does not ask for what the component imports: skywright:host/http@0.1.0 (needs http)
    hint: its author has to list the capability in `plugin.toml`
    ");
}

#[test]
fn what_is_no_provider() {
    insta::assert_snapshot!(refused(guest::raw("(component)")), @"
    exit 20
    stderr:
    error: a provider must export `skywright:provider/driver@0.1.0`, which this component does not
    hint: rebuild it against the contract of this host
    ");
}
