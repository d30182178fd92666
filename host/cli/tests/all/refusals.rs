//! Files that are not plugins, or not ones that keep the contract: exit code 20.

use crate::guest;
use crate::run::Place;

fn refused(bytes: impl AsRef<[u8]>) -> String {
    let place = Place::empty();
    place.put("guest.wasm", bytes);
    let json = place.run(&["plugin", "check", "guest.wasm", "-o", "json"]).json_error();
    assert_eq!((&json["code"], &json["blame"]), (&"not-a-plugin".into(), &"plugin".into()), "{json}");
    place.run(&["plugin", "check", "guest.wasm"]).shown()
}

#[test]
fn what_is_not_a_component() {
    insta::assert_snapshot!(refused(wat::parse_str("(module)").unwrap()), @"");
    insta::assert_snapshot!(refused(b"\x7fELF\x02\x01\x01"), @"");
    insta::assert_snapshot!(refused(wat::parse_str("(component)").unwrap()), @"");
    insta::assert_snapshot!(refused("\u{1b}[31mjunk"), @"");
}

#[test]
fn what_asks_for_more_than_there_is() {
    let import = |name: &str| guest::raw(&format!(r#"(component (import "{name}" (instance)))"#));
    insta::assert_snapshot!(refused(import("wasi:sockets/tcp@0.2.0")), @"");
    insta::assert_snapshot!(refused(import("acme:cloud/backdoor@1.0.0")), @"");
    insta::assert_snapshot!(refused(import("skywright:host/http@0.1.0")), @"");
}

#[test]
fn what_is_no_provider() {
    insta::assert_snapshot!(refused(guest::raw("(component)")), @"");
}
