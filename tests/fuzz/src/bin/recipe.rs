//! recipe.yaml, SafeScale's feature files, and a bundle as the interpreter reads it.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use skywright_recipe::{Source, convert, samples};
use skywright_recipe_format::Bundle;

fuzz_target!(|data: &[u8]| {
    if let Ok(bundle) = Bundle::from_json(data) {
        check(&bundle);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let templates = BTreeMap::from([("a.tera".to_owned(), "{{ host.name }}".to_owned())]);
    if let Ok(source) = Source::parse(text, Path::new("recipe.yaml"), templates) {
        assert!(source.bundle.findings().is_empty());
        check(&source.bundle);
    }
    // What the converter writes is always a recipe.
    if let Ok(converted) = convert(text, Path::new("feature.yml")) {
        let read = Source::parse(&converted.recipe, Path::new("recipe.yaml"), converted.templates);
        let error = read.err().map(|error| error.to_string());
        // But for what is more than a recipe may have.
        let is_fine =
            error.as_ref().is_none_or(|error| error.contains("more than") || error.contains("longer than"));
        assert!(is_fine, "{error:?}\n{}", converted.recipe);
    }
});

/// What a recipe is written as is the same recipe, and there are samples for it.
fn check(bundle: &Bundle) {
    let Ok(json) = bundle.to_json() else { return };
    assert_eq!(Bundle::from_json(&json).as_ref(), Ok(bundle));
    assert!(bundle.recipe.platforms.is_empty() || !samples(&bundle.recipe).is_empty());
    let _ = bundle.recipe.describe();
}
