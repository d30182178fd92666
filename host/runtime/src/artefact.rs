//! Compiled plugins on disk: content-addressed, authenticated, never overwritten.
//!
//! An artefact is machine code, so loading one that somebody else wrote is running their code. Each
//! file carries a MAC under a key that only this user can read, over the file's address and
//! everything in it. The bytes that were checked are the bytes that are loaded: a file is read
//! once, into memory. Whatever does not check out is removed and made again.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use skywright_contract::{CONTRACT_VERSION, Digest, Interfaces};
use wasmtime::component::Component;

use crate::error::{Error, file_error};

const MAGIC: &[u8; 8] = b"SKYWART1";
const MAC_BYTES: usize = 32;

/// A folder of compiled plugins, this user's alone.
#[derive(Debug)]
pub struct ArtefactCache {
    folder: PathBuf,
    key: hmac::Key,
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
        Ok(Self { folder, key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The artefact of a plugin, if there is one that checks out.
    ///
    /// A file that does not is removed, so that it can be made again. Cost: one read, one HMAC and
    /// one copy of the file.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Result<Option<Artefact>, Error> {
        let address = address(engine, digest);
        let path = self.folder.join(&address);
        let Some(bytes) = read_regular(&path)? else { return Ok(None) };
        if let Some(artefact) = self.open_sealed(engine, &address, &bytes) {
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
        self.open_sealed(engine, &address, &sealed)
            .ok_or_else(|| Error::Engine("the compiler's own output does not load".to_owned()))
    }

    fn seal(&self, address: &str, interfaces: &Interfaces, machine_code: &[u8]) -> Result<Vec<u8>, Error> {
        let header = serde_json::to_vec(interfaces).map_err(|e| Error::Engine(e.to_string()))?;
        let length = u32::try_from(header.len()).map_err(|e| Error::Engine(e.to_string()))?;
        let body = [&length.to_le_bytes(), header.as_slice(), machine_code].concat();
        let mac = hmac::sign(&self.key, &authenticated(address, &body));
        Ok([MAGIC.as_slice(), mac.as_ref(), &body].concat())
    }

    /// Checks the MAC over the very bytes that are loaded, and loads them.
    #[expect(unsafe_code, reason = "the one place where compiled code is loaded; see the proof inside")]
    fn open_sealed(&self, engine: &wasmtime::Engine, address: &str, sealed: &[u8]) -> Option<Artefact> {
        let (mac, body) = sealed.strip_prefix(MAGIC)?.split_at_checked(MAC_BYTES)?;
        // Compared in constant time, by the library.
        hmac::verify(&self.key, &authenticated(address, body), mac).ok()?;
        let (length, rest) = body.split_first_chunk::<4>()?;
        let (header, machine_code) =
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let interfaces = serde_json::from_slice(header).ok()?;
        // SAFETY: `Component::deserialize` requires bytes that `Engine::precompile_component` made
        // and nobody has changed. `body` carries a valid MAC under a key that only this user can
        // read, over an address that binds it to the plugin's digest, the wasmtime version, its
        // compatibility hash and the target; such MACs are made in `seal` alone, from what our own
        // compile child wrote to its pipe. `deserialize` copies the bytes that were checked, which
        // are in memory that nothing else can reach; no file is mapped.
        let component = unsafe { Component::deserialize(engine, machine_code) }.ok()?;
        Some(Artefact { interfaces, component })
    }
}

/// What the MAC is over: the address, and a digest of the body, so that megabytes need no copy.
fn authenticated(address: &str, body: &[u8]) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA256, body);
    [address.as_bytes(), &[0], digest.as_ref()].concat()
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

/// The bytes of a regular file that is this user's; `None` if there is no such file.
fn read_regular(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = match fs::OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(file_error("read", path))?;
    Ok(Some(bytes))
}

fn read_or_make_key(folder: &Path) -> Result<[u8; 32], Error> {
    let path = folder.join("key");
    loop {
        if let Some(bytes) = read_regular(&path)? {
            let reason = "its key is not 32 bytes long";
            return bytes.try_into().map_err(|_| Error::ArtefactFolder { path: folder.to_owned(), reason });
        }
        let mut key = [0; 32];
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
