//! A recipe and the interpreter to one component. No compiler: the interpreter has an empty region for a
//! recipe, and a data segment is added that fills it. The same recipe and interpreter give the same bytes.

use std::fs;
use std::ops::Range;
use std::path::Path;

use skywright_contract::{
    CONTRACT_VERSION, Digest, Interfaces, Kind, MANIFEST_SECTION, Manifest, Package, check, embed_manifest,
};
use skywright_recipe_format::{Bundle, Recipe};
use wasm_encoder::{ComponentSection as _, CustomSection, Encode as _, RawSection};
use wasmparser::{Chunk, DataKind, Operator, Parser, Payload};

use crate::Error;

/// What the interpreter's directory of the region begins with; the other half is in the interpreter's `slot.rs`.
const MAGIC: &[u8; 24] = b"skywright:recipe-slot/1\0";

/// The custom section that says which interpreter a feature was made of.
const PROVENANCE_SECTION: &str = "skywright:interpreter";

/// A feature that was built.
#[derive(Debug, Clone)]
pub struct Feature {
    /// The component, with its manifest.
    pub bytes: Vec<u8>,
    /// What it claims to be.
    pub package: Package,
    /// What it imports and exports.
    pub interfaces: Interfaces,
}

impl Feature {
    /// Writes the plugin file, replacing one of the same name at once; folders above it are made.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        replace(path, &self.bytes)
    }

    /// Writes the bill of materials beside the plugin file: `NAME.cdx.json`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Interpreter`].
    pub fn write_bill(&self, path: &Path, interpreter_bill: &[u8]) -> Result<(), Error> {
        replace(&path.with_extension("cdx.json"), &crate::bill(&self.package, interpreter_bill)?)
    }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = skywright_files::folder_of(path);
    fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
    Ok(skywright_files::replace(path, bytes, 0o644)?)
}

/// Builds a feature: a copy of the interpreter with the recipe in it. `interpreter` is a component, with or
/// without a manifest of its own.
///
/// # Errors
///
/// [`Error::Bundle`] if the recipe is wrong or too large, [`Error::Interpreter`] if the component has no room for
/// a recipe, [`Error::Contract`] if what comes out is no feature.
pub fn build(interpreter: &[u8], bundle: &Bundle) -> Result<Feature, Error> {
    let json = bundle.to_json()?;
    let mut component = fill(interpreter, &json)?;
    let provenance = format!(r#"{{"digest":"{}"}}"#, Digest::of(interpreter));
    CustomSection { name: PROVENANCE_SECTION.into(), data: provenance.as_bytes().into() }
        .append_to_component(&mut component);
    let bytes = embed_manifest(&component, &manifest(&bundle.recipe)?)?;
    let (package, interfaces) = check(&bytes)?;
    Ok(Feature { bytes, package, interfaces })
}

/// What a recipe's component says of itself.
///
/// # Errors
///
/// [`Error::Name`] if the id is none.
pub fn manifest(recipe: &Recipe) -> Result<Manifest, Error> {
    let contract = semver::Version::parse(CONTRACT_VERSION).unwrap_or_else(|_| semver::Version::new(0, 0, 0));
    Ok(Manifest {
        id: recipe.id.parse().map_err(|_| Error::Name { name: recipe.id.chars().take(80).collect() })?,
        version: recipe.version.clone(),
        kind: Kind::Feature,
        contract,
        title: recipe.title.clone(),
        license: recipe.license.clone(),
        report: recipe.report.clone(),
        documentation: recipe.documentation.clone(),
        capabilities: std::collections::BTreeSet::new(),
    })
}

/// The component without its manifest, and with the recipe in the one module that has room for it.
fn fill(component: &[u8], recipe: &[u8]) -> Result<Vec<u8>, Error> {
    let mut output = component.get(..8).ok_or_else(|| unfit("it is no component"))?.to_vec();
    let mut filled = false;
    for section in sections(component)? {
        if section.is_manifest {
            continue;
        }
        let body = slice(component, &section.body)?;
        if section.id == MODULE_SECTION && contains(body, MAGIC) {
            if filled {
                return Err(unfit("two of its modules have room for a recipe"));
            }
            let module = fill_module(body, recipe)?;
            RawSection { id: MODULE_SECTION, data: &module }.append_to_component(&mut output);
            filled = true;
        } else {
            RawSection { id: section.id, data: body }.append_to_component(&mut output);
        }
    }
    if filled { Ok(output) } else { Err(unfit("it has no room for a recipe")) }
}

/// The id of a component's section that holds a core module.
const MODULE_SECTION: u8 = 1;
/// The ids of a module's sections that count data segments, and hold them.
const DATA_COUNT_SECTION: u8 = 12;
const DATA_SECTION: u8 = 11;

/// A section of the outermost layer: all of it behind id and size.
struct Section {
    id: u8,
    body: Range<usize>,
    is_manifest: bool,
}

/// The sections of a component or a module; what is nested is stepped over.
fn sections(bytes: &[u8]) -> Result<Vec<Section>, Error> {
    let mut parser = Parser::new(0);
    let mut sections = Vec::new();
    let mut offset = 0;
    loop {
        let rest = bytes.get(offset..).unwrap_or_default();
        let (used, payload) = match parser.parse(rest, true).map_err(malformed)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            Chunk::NeedMoreData(_) => return Err(unfit("it is cut short")),
        };
        offset += used;
        match &payload {
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                let id = if matches!(payload, Payload::ModuleSection { .. }) { MODULE_SECTION } else { 4 };
                offset = unchecked_range.end;
                sections.push(Section { id, body: unchecked_range.clone(), is_manifest: false });
            }
            // A module's functions come one by one, behind the section that is already noted.
            Payload::CodeSectionStart { range, .. } => {
                offset = range.end;
                parser.skip_section();
                sections.push(Section { id: 10, body: range.clone(), is_manifest: false });
            }
            Payload::End(_) => return Ok(sections),
            Payload::Version { .. } => {}
            other => {
                let is_manifest =
                    matches!(other, Payload::CustomSection(custom) if custom.name() == MANIFEST_SECTION);
                let Some((id, body)) = other.as_section() else {
                    return Err(unfit("a section is not understood"));
                };
                sections.push(Section { id, body, is_manifest });
            }
        }
    }
}

/// The module with one data segment more.
fn fill_module(module: &[u8], recipe: &[u8]) -> Result<Vec<u8>, Error> {
    let region = region(module)?;
    if recipe.len() + 4 > region.len() {
        return Err(unfit(&format!(
            "it has room for {} bytes, and the recipe has {}",
            region.len() - 4,
            recipe.len()
        )));
    }
    let mut output = module.get(..8).ok_or_else(|| unfit("its module is cut short"))?.to_vec();
    for section in sections(module)? {
        let body = slice(module, &section.body)?;
        match section.id {
            DATA_COUNT_SECTION => {
                let (count, _) = leb(body)?;
                let mut data = Vec::new();
                (count + 1).encode(&mut data);
                raw(DATA_COUNT_SECTION, &data, &mut output);
            }
            DATA_SECTION => raw(DATA_SECTION, &one_more(body, region.start, recipe)?, &mut output),
            id => raw(id, body, &mut output),
        }
    }
    Ok(output)
}

fn raw(id: u8, data: &[u8], output: &mut Vec<u8>) {
    output.push(id);
    data.encode(output);
}

/// A data section with a segment more: at the region's start, the recipe's length and the recipe.
fn one_more(body: &[u8], start: usize, recipe: &[u8]) -> Result<Vec<u8>, Error> {
    let (count, used) = leb(body)?;
    let mut data = Vec::with_capacity(body.len() + recipe.len() + 32);
    (count + 1).encode(&mut data);
    data.extend_from_slice(body.get(used..).unwrap_or_default());
    let address = i32::try_from(start).map_err(|_| unfit("its region is out of reach"))?;
    let length = u32::try_from(recipe.len()).map_err(|_| unfit("the recipe is too large"))?;
    // Active, in the first memory, at a constant address.
    data.push(0);
    data.push(0x41);
    address.encode(&mut data);
    data.push(0x0b);
    [length.to_le_bytes().as_slice(), recipe].concat().as_slice().encode(&mut data);
    Ok(data)
}

/// Where a module keeps room for a recipe: what its directory says, if memory is there and nothing else is.
fn region(module: &[u8]) -> Result<Range<usize>, Error> {
    let mut pages = None;
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut directories = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(malformed)? {
            Payload::MemorySection(memories) => {
                let first = memories.into_iter().next().transpose().map_err(malformed)?;
                pages = first.map(|memory| memory.initial);
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.map_err(malformed)?;
                    let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else {
                        return Err(unfit("it has a data segment of another kind"));
                    };
                    let mut operators = offset_expr.get_operators_reader();
                    let Operator::I32Const { value } = operators.read().map_err(malformed)? else {
                        return Err(unfit("a data segment is at no constant address"));
                    };
                    let start =
                        usize::try_from(value).map_err(|_| unfit("a data segment is out of reach"))?;
                    taken.push(start..start + segment.data.len());
                    directories.extend(directories_in(segment.data));
                }
            }
            _ => {}
        }
    }
    let [region] = directories.as_slice() else {
        return Err(unfit(&format!("its module says {} times where a recipe goes", directories.len())));
    };
    let memory = usize::try_from(pages.unwrap_or(0)).unwrap_or(0).saturating_mul(64 << 10);
    if region.end > memory || region.len() <= 4 {
        return Err(unfit("its region is not in its memory"));
    }
    if taken.iter().any(|other| other.start < region.end && region.start < other.end) {
        return Err(unfit("its region is not empty"));
    }
    Ok(region.clone())
}

/// Every directory in a segment's data: behind the magic, an address and a size.
fn directories_in(data: &[u8]) -> Vec<Range<usize>> {
    let places = data.windows(MAGIC.len()).enumerate().filter(|(_, window)| window == MAGIC);
    let number = |at: usize| {
        let bytes = data.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let region = |(at, _): (usize, &[u8])| {
        let start = number(at + MAGIC.len())?;
        Some(start..start.checked_add(number(at + MAGIC.len() + 4)?)?)
    };
    places.filter_map(region).collect()
}

fn leb(bytes: &[u8]) -> Result<(u32, usize), Error> {
    let mut reader = wasmparser::BinaryReader::new(bytes, 0);
    let value = reader.read_var_u32().map_err(malformed)?;
    Ok((value, reader.current_position()))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn slice<'a>(bytes: &'a [u8], range: &Range<usize>) -> Result<&'a [u8], Error> {
    bytes.get(range.clone()).ok_or_else(|| unfit("it is cut short"))
}

fn unfit(reason: &str) -> Error {
    Error::Interpreter(reason.to_owned())
}

fn malformed(error: wasmparser::BinaryReaderError) -> Error {
    Error::Interpreter(error.message().lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component whose module says that its region is 512 bytes from 4096.
    fn interpreter(more: &str) -> Vec<u8> {
        let directory = r#"(data (i32.const 1024) "..skywright:recipe-slot/1\00\00\10\00\00\00\02\00\00..")"#;
        let text = format!(
            "(component (core module (memory 1) (func (export \"f\") (result i32) i32.const 0) {directory} {more}) (component) (core module))"
        );
        wat::parse_str(text).unwrap()
    }

    /// What the segments of the filled module hold, by address.
    fn segments(component: &[u8]) -> Vec<(i32, Vec<u8>)> {
        wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
            .validate_all(component)
            .unwrap();
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            let Payload::DataSection(segments) = payload.unwrap() else { continue };
            for segment in segments {
                let segment = segment.unwrap();
                let DataKind::Active { offset_expr, .. } = segment.kind else { panic!("no address") };
                let Operator::I32Const { value } = offset_expr.get_operators_reader().read().unwrap() else {
                    panic!("no constant")
                };
                found.push((value, segment.data.to_vec()));
            }
        }
        found
    }

    #[test]
    fn a_recipe_lies_in_its_region_and_nothing_else_changes() {
        let bare = interpreter("");
        let filled = fill(&bare, b"{\"a\":1}").unwrap();
        let (before, after) = (segments(&bare), segments(&filled));
        assert_eq!(after[..before.len()], before);
        assert_eq!(after[before.len()..], [(4096, b"\x07\0\0\0{\"a\":1}".to_vec())]);
        assert_eq!(fill(&bare, b"{\"a\":1}").unwrap(), filled, "the same every time");
        assert_ne!(fill(&bare, b"{\"a\":2}").unwrap(), filled);
    }

    #[test]
    fn a_manifest_of_its_own_is_not_kept() {
        let manifest = br#"{"id":"a/b","version":"1.0.0","kind":"feature","contract":"0.1.0","title":"A","license":"MIT","report":"x"}"#;
        let signed = embed_manifest(&interpreter(""), &Manifest::from_json(manifest).unwrap()).unwrap();
        assert_eq!(fill(&signed, b"{}").unwrap(), fill(&interpreter(""), b"{}").unwrap());
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let reason = |component: &[u8], recipe: &[u8]| fill(component, recipe).unwrap_err().to_string();
        assert!(reason(&interpreter(""), &[b'x'; 509]).contains("room for 508 bytes"));
        assert!(fill(&interpreter(""), &[b'x'; 508]).is_ok());
        let taken = interpreter("(data (i32.const 4600) \"abcdefghijklmnop\")");
        assert!(reason(&taken, b"{}").contains("not empty"));
        let filled = fill(&interpreter(""), b"{}").unwrap();
        assert!(reason(&filled, b"{}").contains("not empty"), "a recipe is not written over another");
        let twice =
            interpreter(r#"(data (i32.const 2048) "skywright:recipe-slot/1\00\00\10\00\00\00\02\00\00")"#);
        assert!(reason(&twice, b"{}").contains("2 times"));
        assert!(reason(&wat::parse_str("(component)").unwrap(), b"{}").contains("no room"));
        let far = wat::parse_str(
            r#"(component (core module (memory 1) (data (i32.const 0) "skywright:recipe-slot/1\00\00\00\01\00\00\02\00\00")))"#,
        );
        assert!(reason(&far.unwrap(), b"{}").contains("not in its memory"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes: Vec<u8>, at in 0_usize..400, byte: u8) {
            let _ = fill(&bytes, b"{}");
            let mut broken = interpreter("");
            if let Some(place) = broken.get_mut(at) {
                *place = byte;
            }
            let _ = fill(&broken, b"{}");
        }
    }
}
