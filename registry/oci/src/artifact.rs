//! Manifests, as they are written to and read from a registry.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywright_contract::{Digest, Package};
use skywright_registry::Error;

/// The media type of a manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a component.
pub(crate) const WASM: &str = "application/wasm";
/// The annotation with a layer's file name.
const TITLE: &str = "org.opencontainers.image.title";

/// A manifest, as far as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
}

/// What names a blob.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    annotations: std::collections::BTreeMap<String, String>,
}

impl Listed {
    pub(crate) fn read(what: &str, bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| wrong(what, &error.to_string()))
    }

    /// The layer of a file's name.
    pub(crate) fn titled(&self, title: &str) -> Option<&Descriptor> {
        self.layers.iter().find(|layer| layer.annotations.get(TITLE).is_some_and(|it| it == title))
    }
}

impl Descriptor {
    pub(crate) fn titled(media_type: &str, bytes: &[u8], title: &str) -> Self {
        let annotations = [(TITLE.to_owned(), title.to_owned())].into();
        Self { annotations, ..Self::untitled(media_type, bytes) }
    }

    pub(crate) fn untitled(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
            annotations: std::collections::BTreeMap::new(),
        }
    }

    pub(crate) fn parsed_digest(&self) -> Result<Digest, Error> {
        let is_prefixed = self.digest.starts_with("sha256:");
        let digest = self.digest.parse().ok().filter(|_| is_prefixed);
        digest.ok_or_else(|| wrong("a manifest", "it names a blob by something else than SHA-256"))
    }
}

/// A manifest of these layers, and its configuration.
pub(crate) fn manifest(
    artifact_type: Option<&str>,
    component: Option<&Package>,
    layers: &[Descriptor],
) -> (Vec<u8>, Vec<u8>) {
    let digests: Vec<_> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let (config_type, config) = match component {
        None => ("application/vnd.oci.empty.v1+json", json!({})),
        Some(package) => (
            "application/vnd.wasm.config.v0+json",
            json!({
                "created": "1970-01-01T00:00:00Z",
                "architecture": "wasm",
                "os": "wasip2",
                "layerDigests": digests,
                "component": { "exports": package.exports, "imports": package.imports },
            }),
        ),
    };
    let config = bytes(&config);
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": config_type,
            "digest": Digest::of(&config).to_string(),
            "size": config.len(),
        },
        "layers": layers,
    });
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = artifact_type.into();
    }
    (bytes(&manifest), config)
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

pub(crate) fn wrong(what: &str, reason: &str) -> Error {
    let reason = reason.chars().filter(|c| !c.is_control()).take(200).collect();
    Error::Metadata { what: what.to_owned(), reason }
}
