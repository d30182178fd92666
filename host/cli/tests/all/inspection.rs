//! `list`, `inspect` and `check`. The plugin is a committed file, so its size and digest stay.

use crate::run::Place;

#[test]
fn list() {
    let place = Place::empty();
    insta::assert_snapshot!(place.run(&["plugin", "list"]).shown(), @"
    exit 0
    stdout:
    no plugins; `skywright plugin install` or `skywright plugin build DIR` makes some
    ");
    insta::assert_snapshot!(place.run(&["plugin", "list", "-o", "json"]).shown(), @r#"
    exit 0
    stdout:
    {"result":[],"status":"success"}
    "#);

    place.put("data/plugins/example.wasm", crate::guest::example());
    insta::assert_snapshot!(place.run(&["plugin", "list"]).shown(), @"
    exit 0
    stdout:
    NAME                     VERSION  KIND      SIZE       TRUST              PATH
    skywright-tests/example  0.1.0    provider  143.8 KiB  unsigned, refused  HOME/data/plugins/example.wasm
    ");
    insta::assert_snapshot!(place.run(&["plugin", "list", "-o", "json"]).shown(), @r#"
    exit 0
    stdout:
    {"result":[{"contract":"0.1.0","digest":"sha256:a8e04f716c4ca4f72a1c4b02c491d159881aeb1d07f9b502e7130ea0a54f3746","id":"skywright-tests/example","kind":"provider","path":"HOME/data/plugins/example.wasm","refusal":"skywright-tests/example 0.1.0 is refused: no repository signed HOME/data/plugins/example.wasm (unsigned)","signed":false,"size_bytes":147247,"title":"Example","trust":{"kind":"unsigned"},"version":"0.1.0","yanked":null}],"status":"success"}
    "#);

    place.put("data/plugins/junk.wasm", "\u{1b}[31mjunk");
    place.put("data/plugins/readme.txt", "not looked at");
    insta::assert_snapshot!(place.run(&["plugin", "list"]).shown(), @"
    exit 0
    stdout:
    NAME                     VERSION  KIND      SIZE       TRUST              PATH
    skywright-tests/example  0.1.0    provider  143.8 KiB  unsigned, refused  HOME/data/plugins/example.wasm
    -                        -        -         -          not a plugin       HOME/data/plugins/junk.wasm
    ");
    insta::assert_snapshot!(place.run(&["plugin", "list", "-o", "json"]).shown(), @r#"
    exit 0
    stdout:
    {"result":[{"contract":"0.1.0","digest":"sha256:a8e04f716c4ca4f72a1c4b02c491d159881aeb1d07f9b502e7130ea0a54f3746","id":"skywright-tests/example","kind":"provider","path":"HOME/data/plugins/example.wasm","refusal":"skywright-tests/example 0.1.0 is refused: no repository signed HOME/data/plugins/example.wasm (unsigned)","signed":false,"size_bytes":147247,"title":"Example","trust":{"kind":"unsigned"},"version":"0.1.0","yanked":null},{"error":"HOME/data/plugins/junk.wasm: this is not a WebAssembly component: magic header not detected: bad magic number (at offset 0x0)","path":"HOME/data/plugins/junk.wasm"}],"status":"success"}
    "#);
}

#[test]
fn inspect() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["plugin", "inspect", "./example.wasm"]).shown(), @"
    exit 0
    stdout:
    plugin        skywright-tests/example 0.1.0
    title         Example
    kind          provider
    contract      0.1.0 (this host speaks 0.1.0)
    license       Apache-2.0
    report to     the issue tracker of Skywright
    size          143.8 KiB (147247 bytes)
    digest        sha256:a8e04f716c4ca4f72a1c4b02c491d159881aeb1d07f9b502e7130ea0a54f3746
    trust         unsigned

    may
      http         send HTTP requests to the endpoints that the tenant grants
      log          write log lines
      settings     read the tenant's settings, without secrets

    imports
      skywright:host/http@0.1.0: send
      skywright:host/log@0.1.0: write
      skywright:host/settings@0.1.0: get
      skywright:host/types@0.1.0: types only
      skywright:provider/changes@0.1.0: types only

    exports
      skywright:provider/catalog@0.1.0: images, regions, templates, zones
      skywright:provider/driver@0.1.0: cancel, capabilities-of, describe, poll, validate

    endpoints
      NAME  PATTERN     CREDENTIALS
      api   {endpoint}  token

    settings
      KEY       KIND    REQUIRED  DEFAULT  DESCRIPTION
      endpoint  url     true      -        where the API is, such as https://api.example.org
      token     secret  true      -        an API token
    ");
    let json = place.run(&["plugin", "inspect", "./example.wasm", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    insta::assert_snapshot!("inspect-json", serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn check() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["plugin", "check", "./example.wasm"]).shown(), @"
    exit 0
    stdout:
    skywright-tests/example 0.1.0 keeps the contract
    ");
    insta::assert_snapshot!(place.run(&["plugin", "check", "./example.wasm", "-o", "json"]).shown(), @r#"
    exit 0
    stdout:
    {"result":{"digest":"sha256:a8e04f716c4ca4f72a1c4b02c491d159881aeb1d07f9b502e7130ea0a54f3746","id":"skywright-tests/example","version":"0.1.0","warnings":[]},"status":"success"}
    "#);
}

#[test]
fn a_plugin_is_found_by_path_id_and_name() {
    let place = Place::new();
    place.put("shelf/example.wasm", crate::guest::example());
    for name in ["./example.wasm", "example.wasm", "example", "skywright-tests/example"] {
        let outcome = place.run(&["plugin", "check", name, "--plugin-folder", "shelf"]);
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.stderr);
    }
}
