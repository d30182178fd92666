//! A feature's software bill of materials: the interpreter's, and the recipe around it.

use serde_json::{Value, json};
use skywright_contract::{Digest, Package};

use crate::Error;

/// The bill of a feature that was built of an interpreter with this bill (CycloneDX 1.5 as JSON): the interpreter is
/// a component of it, and what the interpreter is made of stays.
///
/// # Errors
///
/// [`Error::Interpreter`] if the interpreter's bill is none.
pub fn bill(feature: &Package, interpreter: &[u8]) -> Result<Vec<u8>, Error> {
    let unfit = |reason: &str| Error::Interpreter(format!("its bill of materials {reason}"));
    let mut bill: Value = serde_json::from_slice(interpreter).map_err(|_| unfit("is no JSON"))?;
    let mut inner = bill["metadata"]["component"].take();
    let Some(reference) = inner["bom-ref"].as_str().map(str::to_owned) else {
        return Err(unfit("does not say what it is of"));
    };
    inner["type"] = json!("library");
    let manifest = &feature.manifest;
    let own = format!("{}@{}", manifest.id, manifest.version);
    bill["serialNumber"] = json!(serial_number(&feature.digest));
    bill["metadata"]["component"] = json!({
        "type": "application",
        "bom-ref": own,
        "name": manifest.id.to_string(),
        "version": manifest.version.to_string(),
        "hashes": [{ "alg": "SHA-256", "content": feature.digest.hex() }],
        "licenses": [{ "license": { "name": manifest.license } }],
    });
    match bill["components"].as_array_mut() {
        Some(components) => components.push(inner),
        None => bill["components"] = json!([inner]),
    }
    let depends = json!({ "ref": own, "dependsOn": [reference] });
    match bill["dependencies"].as_array_mut() {
        Some(dependencies) => dependencies.push(depends),
        None => bill["dependencies"] = json!([depends]),
    }
    if let Some(assemblies) = bill["compositions"][0]["assemblies"].as_array_mut() {
        assemblies.push(json!(own));
    }
    let mut json = serde_json::to_vec_pretty(&bill).map_err(|error| unfit(&error.to_string()))?;
    json.push(b'\n');
    Ok(json)
}

/// A UUID of the kind that applications define (8), by the digest.
fn serial_number(digest: &Digest) -> String {
    let hex = digest.hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_is_a_component_with_all_that_it_is_made_of() {
        let manifest = br#"{"id":"acme/page","version":"1.0.0","kind":"feature","contract":"0.1.0","title":"A","license":"MIT","report":"x"}"#;
        let manifest = skywright_contract::Manifest::from_json(manifest).unwrap();
        let bytes =
            skywright_contract::embed_manifest(&wat::parse_str("(component)").unwrap(), &manifest).unwrap();
        let package = Package::read(&bytes).unwrap();
        let inner = json!({
            "bomFormat": "CycloneDX",
            "metadata": { "component": { "type": "application", "bom-ref": "s/i@0.1.0", "name": "s/i" } },
            "components": [{ "name": "tera" }],
            "dependencies": [{ "ref": "s/i@0.1.0", "dependsOn": ["tera"] }],
            "compositions": [{ "aggregate": "complete", "assemblies": ["s/i@0.1.0"] }],
        });
        let bill: Value =
            serde_json::from_slice(&bill(&package, inner.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(bill["metadata"]["component"]["name"], "acme/page");
        let names: Vec<_> =
            bill["components"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names, ["tera", "s/i"]);
        assert_eq!(bill["dependencies"][1], json!({ "ref": "acme/page@1.0.0", "dependsOn": ["s/i@0.1.0"] }));
        assert!(super::bill(&package, b"x").is_err() && super::bill(&package, b"{}").is_err());
    }
}
