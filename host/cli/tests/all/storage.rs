//! Commands on volumes, buckets and objects, as far as they come without a cloud.

use crate::run::Place;

#[test]
fn a_wrong_command_line_asks_no_cloud() {
    let place = Place::empty();
    for words in [
        &["volume", "create", "data", "--size", "0"][..],
        &["volume", "create", "data", "--speed", "nvme"],
        &["volume", "attach", "data"],
        &["volume", "extend", "data"],
        &["bucket", "upload", "backups"],
        &["object", "upload", "file", "/name"],
        &["object", "url", "backups/a", "--expires", "soon"],
        &["object", "sync", "photos", "backups"],
        &["object", "sync", "./photos", "./backups"],
        &["object", "delete"],
    ] {
        let outcome = place.run(words);
        assert_eq!(outcome.code, Some(2), "{words:?}: {}", outcome.stderr);
    }
}

#[test]
fn other_spellings() {
    let place = Place::empty();
    for words in [
        &["vol", "bind", "--help"][..],
        &["volume", "unbind", "--help"],
        &["volume", "expand", "--help"],
        &["volume", "resize", "--help"],
        &["volume", "rm", "--help"],
        &["bucket", "detail", "--help"],
        &["bucket", "show", "--help"],
        &["object", "rm", "--help"],
    ] {
        assert_eq!(place.run(words).code, Some(0), "{words:?}");
    }
}
