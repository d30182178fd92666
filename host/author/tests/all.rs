//! Guests that are really built, with whatever tool chain there is or can be had.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use skywright_author::{Builder, Built, Error, Options, scaffold};
use skywright_contract::{Digest, Kind, Package};

fn build(folder: &Path, output: &Path) -> Result<Built, Error> {
    let mut log = String::new();
    let built = Builder::new(Options::new(output)).build(folder, &mut |event| {
        log.push_str(&format!("{event}\n"));
    });
    assert!(!log.contains("warning: the plugin holds the path"), "{log}");
    built.inspect_err(|_| eprintln!("{log}"))
}

#[test]
fn a_new_provider_builds_wherever_it_lies_to_the_same_bytes() {
    let (short, long) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = short.path().join("a");
    let second = long.path().join("a-folder/with-a-much-longer/path/and-its-own-name");
    scaffold("acme/cloud", Kind::Provider, &first).unwrap();
    let first = build(&first, &short.path().join("dist")).unwrap();
    scaffold("acme/cloud", Kind::Provider, &second).unwrap();
    // The same dependencies, whatever was published in between.
    fs::copy(short.path().join("a/Cargo.lock"), second.join("Cargo.lock")).unwrap();
    let second = build(&second, &long.path().join("dist")).unwrap();
    assert_eq!(first.package.digest, second.package.digest);
    let bill = fs::read_to_string(&first.sbom).unwrap();
    assert_eq!(bill, fs::read_to_string(&second.sbom).unwrap());
    assert_eq!(first.sbom, short.path().join("dist/cloud.cdx.json"));
    names_what_was_compiled(&bill, &first);

    assert_eq!(first.path, short.path().join("dist/cloud.wasm"));
    let bytes = fs::read(&first.path).unwrap();
    assert_eq!(Digest::of(&bytes), first.package.digest);
    let manifest = Package::read(&bytes).unwrap().manifest;
    assert_eq!((manifest.version.to_string().as_str(), manifest.license.as_str()), ("0.1.0", "Apache-2.0"));
    assert!(first.interfaces.exports.keys().any(|name| name.starts_with("skywright:provider/catalog@")));
    // For backtraces.
    assert!(bytes.windows(13).any(|window| window == b"skywright_sdk"));
}

fn names_what_was_compiled(bill: &str, built: &Built) {
    let json: serde_json::Value = serde_json::from_str(bill).unwrap();
    assert_eq!(json["metadata"]["component"]["hashes"][0]["content"], built.package.digest.hex());
    assert_eq!(json["compositions"][0]["aggregate"], "complete");
    let components = json["components"].as_array().unwrap();
    let find = |name: &str| {
        components.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no {name} in {bill}"))
    };
    let serde = find("serde_json");
    assert!(serde["purl"].as_str().unwrap().starts_with("pkg:cargo/serde_json@"));
    assert_eq!(serde["hashes"][0]["content"].as_str().unwrap().len(), 64);
    assert_eq!((&serde["scope"], &find("skywright-sdk")["scope"]), (&"required".into(), &"required".into()));
    // It makes code for the guest and is not in it.
    assert_eq!(find("serde_derive")["scope"], "excluded");
    assert!(find("skywright-sdk")["purl"].is_null());
    assert_eq!(find("std")["properties"][0]["value"], "rust");
    // What only its tests use, and what another target would need, was not compiled.
    assert!(components.iter().all(|c| c["name"] != "wasi" && c["name"] != "core"));
    assert!(!bill.contains("/tmp/") && !bill.contains("timestamp"), "{bill}");
    let own =
        json["dependencies"].as_array().unwrap().iter().find(|d| d["ref"] == "acme/cloud@0.1.0").unwrap();
    assert!(
        own["dependsOn"].as_array().unwrap().iter().any(|on| on.as_str().unwrap().contains("skywright-sdk"))
    );
}

#[test]
fn a_new_feature_builds_and_imports_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stack = folder.path().join("stack");
    scaffold("stack", Kind::Feature, &stack).unwrap();
    let built = build(&stack, &folder.path().join("dist")).unwrap();
    assert!(
        built.interfaces.imports.values().all(|functions| functions.is_empty()),
        "{:?}",
        built.interfaces.imports
    );
}

/// Cargo tells crates of one name apart by their place in the workspace and the age of their files, and
/// guests share a target folder: what another guest left there must not be taken for this one's.
#[test]
fn a_dependency_of_another_guest_is_not_taken_for_its_namesake() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for plugin in [&first, &second] {
        scaffold("acme/twin", Kind::Feature, plugin).unwrap();
    }
    let sdk = second.join("skywright/plugins/sdk/src/lib.rs");
    let broken = fs::read_to_string(&sdk).unwrap() + "compile_error!(\"this is the second one\");\n";
    fs::write(&sdk, broken).unwrap();
    fs::File::options()
        .write(true)
        .open(&sdk)
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1))
        .unwrap();
    build(&first, &folder.path().join("dist")).unwrap();
    fs::copy(first.join("Cargo.lock"), second.join("Cargo.lock")).unwrap();
    let error = build(&second, &folder.path().join("dist")).unwrap_err();
    assert!(error.to_string().contains("this is the second one"), "{error}");
}

#[test]
fn new_plugins_pass_their_own_tests() {
    for kind in [Kind::Provider, Kind::Feature] {
        let folder = tempfile::tempdir().unwrap();
        let made = scaffold("acme/thing", kind, &folder.path().join("thing")).unwrap();
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-plugins");
        let output = Command::new("cargo")
            .args(["test", "--quiet"])
            .current_dir(&made.folder)
            .env("CARGO_TARGET_DIR", target)
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("test result: ok."), "{kind}: {out}\n{err}");
        assert!(!err.contains("warning"), "{kind}: {err}");
    }
}

/// A plugin of another tool chain: `command` leaves `component.wasm`.
fn foreign(folder: &Path, command: &str) -> PathBuf {
    let plugin = format!(
        "id = \"acme/foreign\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\nkind = \"feature\"\ncontract = \"0.1.0\"\n\
         title = \"Foreign\"\nreport = \"mail@example.org\"\n\
         [build]\ncommand = [\"sh\", \"-c\", \"{command}\"]\ncomponent = \"component.wasm\"\n"
    );
    fs::write(folder.join("plugin.toml"), plugin).unwrap();
    fs::write(folder.join("source.wasm"), wat::parse_str("(component)").unwrap()).unwrap();
    folder.join("dist")
}

#[test]
fn a_foreign_component_is_held_against_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let output = foreign(folder.path(), "cp source.wasm component.wasm");
    let error = build(folder.path(), &output).unwrap_err();
    assert!(matches!(&error, Error::Contract { .. }), "{error}");
    assert!(error.to_string().contains("skywright:feature/recipe"), "{error}");
    assert!(!output.join("foreign.wasm").exists());
}

#[test]
fn a_foreign_command_that_fails_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let output = foreign(folder.path(), "echo no such module >&2; exit 2");
    let error = build(folder.path(), &output).unwrap_err();
    assert!(matches!(&error, Error::Failed { .. }), "{error}");
    assert!(error.to_string().contains("no such module"), "{error}");
}

#[test]
fn what_is_no_plugin_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(build(folder.path(), folder.path()), Err(Error::NotAPlugin { .. })));
    foreign(folder.path(), "true");
    let text = fs::read_to_string(folder.path().join("plugin.toml")).unwrap();
    fs::write(folder.path().join("plugin.toml"), text.split("[build]").next().unwrap()).unwrap();
    assert!(matches!(build(folder.path(), folder.path()), Err(Error::NoBuild { .. })));
}
