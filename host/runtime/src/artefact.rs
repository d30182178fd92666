//! Compiled plugins on disk: content-addressed, authenticated, never overwritten.
//!
//! An artefact is machine code, so loading one that somebody else wrote is running their code. Each
//! file carries a MAC under a key that only this user can read, over the file's address and
//! everything in it. The bytes that were checked are the bytes that are loaded: a file is copied once, into
//! memory that the kernel seals. Whatever does not check out is removed and made again.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use skywright_contract::{CONTRACT_VERSION, Digest, Interfaces};
use wasmtime::component::Component;

use crate::error::{Error, file_error};
use crate::sealed_copy::SealedCopy;

const MAGIC: &[u8; 8] = b"SKYWART2";
/// BLAKE3, keyed: it is made for this, and several times as fast as a SHA-256, which every call would wait for.
const MAC_BYTES: usize = blake3::OUT_LEN;
const KEY_BYTES: usize = blake3::KEY_LEN;
/// Far above what the interfaces of any plugin take, and little enough to be read before it is believed.
const MOST_HEADER_BYTES: u32 = 16 << 20;

/// A folder of compiled plugins, this user's alone.
#[derive(Debug)]
pub struct ArtefactCache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
}

/// What the compiler made of one plugin.
pub(crate) struct Artefact {
    pub(crate) interfaces: Interfaces,
    pub(crate) component: Component,
}

impl ArtefactCache {
    /// Opens the folder, and makes it (mode 0700) with its key (mode 0600) if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::ArtefactFolder`] if it belongs to somebody else or others may write to it, or if
    /// its key is not one; [`Error::File`] if it cannot be made or read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(file_error("create", &folder))?;
        check_owner(&folder)?;
        let key = read_or_make_key(&folder)?;
        Ok(Self { folder, key })
    }

    /// The artefact of a plugin, if there is one that checks out.
    ///
    /// A file that does not is removed, so that it can be made again. Cost: one copy and one digest of the
    /// file, both without a page of this process's memory.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Result<Option<Artefact>, Error> {
        let address = address(engine, digest);
        let path = self.folder.join(&address);
        let Some(file) = open_regular(&path)? else { return Ok(None) };
        if let Some(artefact) = self.open_sealed(engine, &address, file).map_err(file_error("read", &path))? {
            return Ok(Some(artefact));
        }
        tracing::warn!(path = %path.display(), "compiled plugin does not check out; it is made again");
        fs::remove_file(&path).map_err(file_error("remove", &path))?;
        Ok(None)
    }

    /// Keeps what the compiler made, and hands it back as it will be loaded from now on.
    pub(crate) fn store(
        &self,
        engine: &wasmtime::Engine,
        digest: &Digest,
        interfaces: &Interfaces,
        machine_code: &[u8],
    ) -> Result<Artefact, Error> {
        let address = address(engine, digest);
        let sealed = self.seal(&address, interfaces, machine_code)?;
        let path = self.folder.join(&address);
        let mut file = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o400))
            .tempfile_in(&self.folder)
            .map_err(file_error("create a file in", &self.folder))?;
        file.write_all(&sealed)
            .and_then(|()| file.as_file().sync_all())
            .map_err(file_error("write", file.path()))?;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            // Another process was faster; what it wrote is as good as ours.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(file_error("write", &path)(error.error)),
        }
        self.load(engine, digest)?
            .ok_or_else(|| Error::Engine("the compiler's own output does not load".to_owned()))
    }

    fn seal(&self, address: &str, interfaces: &Interfaces, machine_code: &[u8]) -> Result<Vec<u8>, Error> {
        let header = serde_json::to_vec(interfaces).map_err(|e| Error::Engine(e.to_string()))?;
        let length = u32::try_from(header.len()).map_err(|e| Error::Engine(e.to_string()))?;
        let mut mac = self.mac(address, &header);
        mac.update(machine_code);
        let mac = mac.finalize();
        Ok([MAGIC.as_slice(), mac.as_bytes(), &length.to_le_bytes(), &header, machine_code].concat())
    }

    /// Over the address and the header, each behind its length, and whatever follows.
    fn mac(&self, address: &str, header: &[u8]) -> blake3::Hasher {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        for part in [address.as_bytes(), header] {
            mac.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        mac
    }

    /// Checks the MAC over the very bytes that are loaded, and loads them. `None` if they do not check out.
    #[expect(unsafe_code, reason = "the one place where compiled code is loaded; see the proof inside")]
    fn open_sealed(
        &self,
        engine: &wasmtime::Engine,
        address: &str,
        mut file: fs::File,
    ) -> std::io::Result<Option<Artefact>> {
        let Some((mac, header)) = read_head(&mut file)? else { return Ok(None) };
        let mut machine_code = SealedCopy::of_rest(&mut file)?;
        let mut found = self.mac(address, &header);
        machine_code.feed(&mut found)?;
        // Compared in constant time, by the library.
        if found.finalize() != blake3::Hash::from_bytes(mac) {
            return Ok(None);
        }
        let Ok(interfaces) = serde_json::from_slice(&header) else { return Ok(None) };
        // SAFETY: `Component::deserialize_file` requires bytes that `Engine::precompile_component` made,
        // that nobody has changed, and that nobody changes while they are mapped. They carry a valid MAC
        // under a key that only this user can read, over an address that binds them to the plugin's digest,
        // the wasmtime version, its compatibility hash and the target; such MACs are made in `seal` alone,
        // from what our own compile child wrote to its pipe. What is mapped is not the file of the cache but
        // a copy in memory, which the kernel had sealed against every change, this process's too, before the
        // first of its bytes was digested; the path means that copy for as long as `machine_code` lives, and
        // the mapping keeps it alive from then on.
        let component = unsafe { Component::deserialize_file(engine, machine_code.path()) };
        match component {
            Ok(component) => Ok(Some(Artefact { interfaces, component })),
            Err(error) => Err(std::io::Error::other(format!("it cannot be mapped: {error:#}"))),
        }
    }
}

/// The MAC and the header; `None` if the file does not begin like an artefact.
fn read_head(file: &mut fs::File) -> std::io::Result<Option<([u8; MAC_BYTES], Vec<u8>)>> {
    const FIXED: usize = MAGIC.len() + MAC_BYTES + 4;
    let mut head = Vec::new();
    file.take(FIXED as u64).read_to_end(&mut head)?;
    let fixed = head.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<MAC_BYTES>());
    let Some((mac, length)) = fixed else { return Ok(None) };
    let Ok(length) = length.try_into().map(u32::from_le_bytes) else { return Ok(None) };
    if length > MOST_HEADER_BYTES {
        return Ok(None);
    }
    let mut header = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut header)?;
    Ok((header.len() == length as usize).then_some((*mac, header)))
}

/// The file name: plugin digest, and a digest of everything else the machine code depends on.
fn address(engine: &wasmtime::Engine, digest: &Digest) -> String {
    use std::hash::{Hash, Hasher};

    /// Feeds whatever is hashed into SHA-256, which unlike the standard hasher is the same in
    /// every process.
    #[derive(Default)]
    struct Collect(Vec<u8>);
    impl Hasher for Collect {
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }

    let mut collect = Collect::default();
    engine.precompile_compatibility_hash().hash(&mut collect);
    for part in [CONTRACT_VERSION, std::env::consts::ARCH, std::env::consts::OS] {
        part.hash(&mut collect);
    }
    let engine_digest = Digest::of(&collect.0).hex();
    format!("{}-{}.artefact", digest.hex(), &engine_digest[..16])
}

fn check_owner(folder: &Path) -> Result<(), Error> {
    let unsafe_folder = |reason| Error::ArtefactFolder { path: folder.to_owned(), reason };
    let meta = fs::symlink_metadata(folder).map_err(file_error("read", folder))?;
    if !meta.is_dir() {
        return Err(unsafe_folder("it is not a folder"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_folder("it belongs to another user"));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(unsafe_folder("other users have rights on it; 0700 is expected"));
    }
    Ok(())
}

/// A regular file, or whatever is not a link; `None` if there is none.
fn open_regular(path: &Path) -> Result<Option<fs::File>, Error> {
    const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    match fs::OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error("read", path)(error)),
    }
}

fn read_or_make_key(folder: &Path) -> Result<[u8; KEY_BYTES], Error> {
    let path = folder.join("key");
    loop {
        if let Some(mut file) = open_regular(&path)? {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(file_error("read", &path))?;
            let reason = "its key is not 32 bytes long";
            return bytes.try_into().map_err(|_| Error::ArtefactFolder { path: folder.to_owned(), reason });
        }
        let mut key = [0; KEY_BYTES];
        SystemRandom::new().fill(&mut key).map_err(|_| Error::Engine("no random numbers".to_owned()))?;
        let mut file = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o600))
            .tempfile_in(folder)
            .map_err(file_error("create a file in", folder))?;
        file.write_all(&key).and_then(|()| file.as_file().sync_all()).map_err(file_error("write", &path))?;
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(key),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(file_error("write", &path)(error.error)),
        }
    }
}
