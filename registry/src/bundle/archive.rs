//! The archive of a bundle, read as the foreign thing that it is.
//!
//! One pass over it says where each blob lies; every blob's digest is checked in that pass, nothing is
//! written anywhere, and no more than a buffer is in memory. Only plain files of the names that a bundle
//! has are taken: no extension header, no link, no second file of a name.

use std::collections::BTreeMap;
use std::io::Read;

use sha2::{Digest as _, Sha256};
use skywright_contract::Digest;
use tar::{Archive, Entry, Header};

use super::limits::Limits;
use super::problem::BundleProblem;

/// The file that says that it is an image layout.
pub(super) const LAYOUT_FILE: &str = "oci-layout";
/// The file that lists what is in it.
pub(super) const INDEX_FILE: &str = "index.json";
/// What stands before a blob's digest.
pub(super) const BLOBS: &str = "blobs/sha256/";
/// The unit of an archive, in bytes.
const BLOCK: u64 = 512;

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// From the beginning of the archive, in bytes.
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What is in an archive.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) layout: Vec<u8>,
    pub(super) index: Vec<u8>,
    pub(super) blobs: BTreeMap<Digest, Place>,
}

/// What an entry is, by its name.
enum Name {
    Layout,
    Index,
    Blob(Digest),
}

impl Table {
    /// Reads an archive to its end.
    pub(super) fn read(from: impl Read, limits: &Limits) -> Result<Self, BundleProblem> {
        let mut archive = Archive::new(from.take(limits.archive_bytes.saturating_add(1)));
        let (mut table, mut layout, mut index) = (Self::default(), None, None);
        // Raw: an extension header comes as an entry of its own, and is refused as such.
        for (count, entry) in archive.entries().map_err(garbled)?.raw(true).enumerate() {
            if count == limits.entries {
                return Err(too_large("the number of files in the archive", limits.entries, ""));
            }
            let mut entry = entry.map_err(garbled)?;
            match name(entry.header())? {
                Name::Layout => once(&mut layout, LAYOUT_FILE, small(&mut entry, LAYOUT_FILE, limits)?)?,
                Name::Index => once(&mut index, INDEX_FILE, small(&mut entry, INDEX_FILE, limits)?)?,
                Name::Blob(digest) => table.blob(digest, &mut entry, limits)?,
            }
        }
        nothing_follows(archive.into_inner(), limits)?;
        let missing = |what: &str| BundleProblem::Layout {
            what: what.to_owned(),
            reason: "the archive has no such file, so it is no bundle".to_owned(),
        };
        table.layout = layout.ok_or_else(|| missing(LAYOUT_FILE))?;
        table.index = index.ok_or_else(|| missing(INDEX_FILE))?;
        Ok(table)
    }

    fn blob(
        &mut self,
        digest: Digest,
        entry: &mut Entry<'_, impl Read>,
        limits: &Limits,
    ) -> Result<(), BundleProblem> {
        let place = Place { offset: entry.raw_file_position(), length: entry.size() };
        if place.length > limits.blob_bytes {
            return Err(too_large(&format!("the blob {digest}"), limits.blob_bytes, " bytes"));
        }
        if self.blobs.insert(digest, place).is_some() {
            return Err(BundleProblem::Twice { name: format!("{BLOBS}{}", digest.hex()) });
        }
        let (found, length) = digest_of(entry)?;
        if length != place.length {
            return Err(short());
        }
        if found == digest { Ok(()) } else { Err(BundleProblem::Digest { digest }) }
    }
}

/// What the header names, if it is one that a bundle may have.
fn name(header: &Header) -> Result<Name, BundleProblem> {
    let raw = header.path_bytes();
    let shown = || String::from_utf8_lossy(&raw).escape_default().take(120).collect::<String>();
    let Some(ustar) = header.as_ustar() else {
        return Err(BundleProblem::NotAFile {
            name: shown(),
            kind: "in another format than ustar".to_owned(),
        });
    };
    if header.as_old().linkflag != *b"0" {
        let kind = format!("{:?}", header.entry_type());
        return Err(BundleProblem::NotAFile { name: shown(), kind: format!("of the type {kind}") });
    }
    if header.link_name_bytes().is_some() || ustar.prefix.iter().any(|byte| *byte != 0) {
        return Err(BundleProblem::NotAFile { name: shown(), kind: "more than a plain file".to_owned() });
    }
    let no_name = || BundleProblem::Name { name: shown() };
    let text = std::str::from_utf8(&raw).map_err(|_| no_name())?;
    match (text, text.strip_prefix(BLOBS)) {
        (LAYOUT_FILE, _) => Ok(Name::Layout),
        (INDEX_FILE, _) => Ok(Name::Index),
        // The digest's own parser would also take one with its algorithm before it.
        (_, Some(hex)) if hex.len() == 64 => hex.parse().map(Name::Blob).map_err(|_| no_name()),
        _ => Err(no_name()),
    }
}

fn once(slot: &mut Option<Vec<u8>>, name: &str, bytes: Vec<u8>) -> Result<(), BundleProblem> {
    match slot.replace(bytes) {
        None => Ok(()),
        Some(_) => Err(BundleProblem::Twice { name: name.to_owned() }),
    }
}

fn small(entry: &mut Entry<'_, impl Read>, name: &str, limits: &Limits) -> Result<Vec<u8>, BundleProblem> {
    let length = entry.size();
    if length > limits.json_bytes {
        return Err(too_large(&format!("`{name}`"), limits.json_bytes, " bytes"));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(garbled)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(short()) }
}

/// The digest of all that is left to read, and how many bytes it was.
pub(super) fn digest_of(from: &mut impl Read) -> Result<(Digest, u64), BundleProblem> {
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        match from.read(&mut buffer).map_err(garbled)? {
            0 => return Ok((<[u8; 32]>::from(hash.finalize()).into(), length)),
            read => {
                hash.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}

/// After the mark of its end an archive is filled up with zeros to a whole number of records.
fn nothing_follows(mut rest: std::io::Take<impl Read>, limits: &Limits) -> Result<(), BundleProblem> {
    let (mut buffer, mut filled) = ([0; BLOCK as usize], 0);
    loop {
        let read = rest.read(&mut buffer).map_err(garbled)?;
        if rest.limit() == 0 {
            return Err(too_large("the archive", limits.archive_bytes, " bytes"));
        }
        if read == 0 {
            // Two empty blocks end an archive; the first was read as a header that is none.
            return if filled >= BLOCK { Ok(()) } else { Err(short()) };
        }
        filled += read as u64;
        if buffer[..read].iter().any(|byte| *byte != 0) || filled > 1 << 20 {
            return Err(BundleProblem::Archive { reason: "something follows its end".to_owned() });
        }
    }
}

pub(super) fn garbled(error: std::io::Error) -> BundleProblem {
    BundleProblem::Archive { reason: error.to_string().escape_debug().take(200).collect() }
}

fn short() -> BundleProblem {
    BundleProblem::Archive { reason: "it ends too early".to_owned() }
}

fn too_large(what: &str, limit: impl std::fmt::Display, unit: &str) -> BundleProblem {
    BundleProblem::TooLarge { what: what.to_owned(), limit: format!("{limit}{unit}") }
}
