//! A plugin as bytes: one read gives its digest, its manifest and the names it imports and exports.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use wasmparser::{Parser, Payload};

use crate::manifest::{Kind, MANIFEST_SECTION, Manifest, ManifestError};

/// The SHA-256 of a plugin's bytes, written `sha256:HEX`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl From<[u8; 32]> for Digest {
    /// What hashing something piece by piece gave.
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = PackageError;

    fn from_str(text: &str) -> Result<Self, PackageError> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return Err(PackageError::Digest);
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(PackageError::Digest);
            };
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

/// A plugin's bytes, read once, with their digest, taken once.
#[derive(Debug, Clone)]
pub struct PluginBytes {
    bytes: Vec<u8>,
    digest: Digest,
}

impl PluginBytes {
    /// Of the whole file.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The bytes alone.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

impl From<Vec<u8>> for PluginBytes {
    /// Takes their digest.
    fn from(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }
}

impl std::ops::Deref for PluginBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why bytes are not a plugin.
///
/// It serialises, because part of the check runs in another process.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Machine code made by wasmtime elsewhere: it would run outside every check.
    #[error("this is precompiled machine code, not a plugin; only components are accepted")]
    Precompiled,
    /// A core module, as `wasm32` compilers make it, before it became a component.
    #[error("this is a core WebAssembly module, not a component")]
    CoreModule,
    /// Not WebAssembly at all, or cut short, or garbled.
    #[error("this is not a WebAssembly component: {0}")]
    Malformed(String),
    /// No manifest section.
    #[error("the component has no `{MANIFEST_SECTION}` section, so nothing says what it is")]
    NoManifest,
    /// More than one manifest section.
    #[error("the component has more than one `{MANIFEST_SECTION}` section")]
    SeveralManifests,
    /// The manifest is there and wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The contract that the manifest names is not one that this host speaks.
    #[error("the plugin was built for contract {plugin}, this host speaks {host}: the {older} is older")]
    ContractVersion {
        /// What the manifest says.
        plugin: String,
        /// What this host speaks.
        host: String,
        /// Which side has to be brought up to date: `plugin` or `host`.
        older: String,
    },
    /// Imports that no capability of the host covers.
    #[error("the plugin imports what no capability covers: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// Imports that the host could cover, but the manifest did not ask for.
    #[error("the manifest does not ask for what the component imports: {}", .0.join(", "))]
    UndeclaredImports(Vec<String>),
    /// The exports do not make the kind of plugin that the manifest says.
    #[error("a {kind} must export `{missing}`, which this component does not")]
    MissingExport {
        /// The manifest's kind.
        kind: Kind,
        /// The interface.
        missing: String,
    },
    /// An interface of the contract with other functions or types.
    #[error("the component's `{interface}` is not the contract's: {difference}")]
    WrongShape {
        /// The interface.
        interface: String,
        /// The first difference.
        difference: String,
    },
    /// Not 64 hexadecimal digits.
    #[error("not a SHA-256 digest: 64 lower-case hexadecimal digits are expected")]
    Digest,
}

/// What one read of a plugin's bytes tells, before anything is compiled.
#[derive(Debug, Clone)]
pub struct Package {
    /// Of the whole file.
    pub digest: Digest,
    /// Of the whole file, in bytes.
    pub size_bytes: u64,
    /// The embedded manifest.
    pub manifest: Manifest,
    /// The names of everything imported, in the component's order.
    pub imports: Vec<String>,
    /// The names of everything exported, in the component's order.
    pub exports: Vec<String>,
}

impl PackageError {
    /// What can be done about it, if anything can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Precompiled => "give the `.wasm` file that it was compiled from".to_owned(),
            Self::CoreModule | Self::NoManifest => {
                "`skywright plugin build DIR` makes a plugin of a guest crate or of another tool chain's component"
                    .to_owned()
            }
            Self::ContractVersion { older, .. } if older == "host" => "update skywright".to_owned(),
            Self::ContractVersion { .. } => "ask its publisher for a newer version, or rebuild it".to_owned(),
            Self::UndeclaredImports(_) => "its author has to list the capability in `plugin.toml`".to_owned(),
            Self::UnknownImports(imports) if imports.iter().any(|i| i.starts_with("wasi:sockets")) => {
                "sockets are not lent to plugins; requests go through `skywright:host/http` or `wasi:http`".to_owned()
            }
            Self::UnknownImports(_) => "the host lends `skywright:host/*`, `wasi:http` and WASI 0.2 without sockets".to_owned(),
            Self::WrongShape { .. } | Self::MissingExport { .. } => {
                "rebuild it against the contract of this host".to_owned()
            }
            _ => return None,
        })
    }
}

impl Package {
    /// Reads the outermost sections; nested modules and components are stepped over unread.
    ///
    /// This says what the file claims. Whether the claims hold is for [`check`](crate::check).
    ///
    /// # Errors
    ///
    /// [`PackageError`], for anything that is not a component with exactly one valid manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, PackageError> {
        Self::read_as(bytes, Digest::of(bytes))
    }

    /// As [`read`](Self::read), of bytes whose digest is known.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn of(bytes: &PluginBytes) -> Result<Self, PackageError> {
        Self::read_as(bytes, bytes.digest)
    }

    fn read_as(bytes: &[u8], digest: Digest) -> Result<Self, PackageError> {
        let outline = Outline::read(bytes)?;
        let manifest = match outline.manifests.as_slice() {
            [] => return Err(PackageError::NoManifest),
            [one] => Manifest::from_json(one)?,
            _ => return Err(PackageError::SeveralManifests),
        };
        Ok(Self {
            digest,
            size_bytes: bytes.len() as u64,
            manifest,
            imports: outline.imports,
            exports: outline.exports,
        })
    }
}

/// The outermost layer of a component.
struct Outline<'a> {
    imports: Vec<String>,
    exports: Vec<String>,
    manifests: Vec<&'a [u8]>,
}

impl<'a> Outline<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, PackageError> {
        if bytes.starts_with(b"\x7fELF") {
            return Err(PackageError::Precompiled);
        }
        let mut outline = Self { imports: Vec::new(), exports: Vec::new(), manifests: Vec::new() };
        let mut parser = Parser::new(0);
        let mut rest = bytes;
        loop {
            let (used, payload) = match parser.parse(rest, true).map_err(malformed)? {
                wasmparser::Chunk::Parsed { consumed, payload } => (consumed, payload),
                wasmparser::Chunk::NeedMoreData(_) => {
                    return Err(PackageError::Malformed("it is cut short".into()));
                }
            };
            rest = rest.get(used..).unwrap_or_default();
            match payload {
                Payload::ModuleSection { unchecked_range, .. }
                | Payload::ComponentSection { unchecked_range, .. } => {
                    let length = unchecked_range.end.saturating_sub(unchecked_range.start);
                    let behind = rest.get(length..);
                    rest = behind
                        .ok_or_else(|| PackageError::Malformed("a nested section is cut short".into()))?;
                }
                Payload::End(_) if rest.is_empty() => return Ok(outline),
                Payload::End(_) => {
                    return Err(PackageError::Malformed("there are bytes behind its end".into()));
                }
                other => outline.note(other)?,
            }
        }
    }

    fn note(&mut self, payload: Payload<'a>) -> Result<(), PackageError> {
        match payload {
            Payload::Version { encoding: wasmparser::Encoding::Module, .. } => Err(PackageError::CoreModule),
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imports.push(import.map_err(malformed)?.name.name.to_owned());
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.exports.push(export.map_err(malformed)?.name.name.to_owned());
                }
                Ok(())
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                self.manifests.push(section.data());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn malformed(error: wasmparser::BinaryReaderError) -> PackageError {
    // Some messages go on for lines with the bytes that were found.
    let message = error.message().lines().next().unwrap_or_default();
    let message = message.split(" - expected").next().unwrap_or(message);
    PackageError::Malformed(format!("{message} (at offset {:#x})", error.offset()))
}

/// Appends the manifest to a component that has none.
///
/// # Errors
///
/// [`PackageError`], if the bytes are not a component, have a manifest already, or the manifest
/// does not validate.
pub fn embed_manifest(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, PackageError> {
    if !Outline::read(component)?.manifests.is_empty() {
        return Err(PackageError::SeveralManifests);
    }
    let json = manifest.to_json()?;
    let section = wasm_encoder::CustomSection { name: MANIFEST_SECTION.into(), data: json.into() };
    let mut plugin = component.to_vec();
    wasm_encoder::ComponentSection::append_to_component(&section, &mut plugin);
    Ok(plugin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        Manifest::from_json(
            br#"{"id":"acme/cloud","version":"1.0.0","kind":"provider","contract":"0.1.0","title":"A","license":"MIT","report":"x"}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_manifest_is_embedded_once_and_read_back() {
        let bare = wat::parse_str("(component (core module))").unwrap();
        assert!(matches!(Package::read(&bare), Err(PackageError::NoManifest)));
        let plugin = embed_manifest(&bare, &manifest()).unwrap();
        let package = Package::read(&plugin).unwrap();
        assert_eq!(package.manifest, manifest());
        assert_eq!(package.digest, Digest::of(&plugin));
        assert!(matches!(embed_manifest(&plugin, &manifest()), Err(PackageError::SeveralManifests)));
    }

    #[test]
    fn what_is_not_a_component_is_named() {
        assert!(matches!(Package::read(b"\x7fELF\x02\x01"), Err(PackageError::Precompiled)));
        let module = wat::parse_str("(module)").unwrap();
        assert!(matches!(Package::read(&module), Err(PackageError::CoreModule)));
        for garbage in [&b""[..], b"\0asm", b"hello", b"\0asm\x0d\0\x01\0\xff"] {
            assert!(matches!(Package::read(garbage), Err(PackageError::Malformed(_))), "{garbage:?}");
        }
    }

    #[test]
    fn a_manifest_inside_a_nested_component_does_not_count() {
        let inner = embed_manifest(&wat::parse_str("(component)").unwrap(), &manifest()).unwrap();
        let mut outer = wat::parse_str("(component)").unwrap();
        let nested = wasm_encoder::RawSection { id: 4, data: &inner };
        wasm_encoder::ComponentSection::append_to_component(&nested, &mut outer);
        assert!(matches!(Package::read(&outer), Err(PackageError::NoManifest)));
    }

    #[test]
    fn digests_are_read_strictly() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:xyz".parse::<Digest>().is_err());
        assert!(digest.hex().to_uppercase().parse::<Digest>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes: Vec<u8>) {
            let _ = Package::read(&bytes);
            let _ = Package::read(&[b"\0asm\x0d\0\x01\0".as_slice(), &bytes].concat());
        }
    }
}
