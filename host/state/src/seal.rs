//! Secrets at rest.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::error::{Error, file_error};
use crate::files;

const KEY_BYTES: usize = 32;
/// The first byte of everything sealed: AES-256-GCM, 12 random bytes as nonce, ciphertext, tag.
const FORMAT: u8 = 1;

/// Encrypts small values under one master key, with AES-256-GCM.
///
/// Nonces are random, so one master key should seal no more than 2^32 values. What is sealed opens
/// only in its context, which is the key that it is kept under: it cannot be moved to another
/// key. That an older sealed value is put back in its place is not noticed.
pub struct Seal {
    key: LessSafeKey,
}

impl Seal {
    /// With this master key.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] never, in practice: any 32 bytes are a key.
    pub fn new(master_key: &[u8; 32]) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, master_key).map_err(|_| Error::Random)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// With the master key that the file holds. If there is no file, it is made (mode 0600) with a new
    /// key; of several processes that do so at once, all get the same.
    ///
    /// # Errors
    ///
    /// [`Error::MasterKey`] if the file does not hold 32 bytes, [`Error::Exposed`] if others have rights
    /// on it or may replace it, [`Error::File`] if it cannot be read or made.
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        files::ensure_folder(files::folder_of(path))?;
        loop {
            match read_key(path)? {
                Some(key) => return Self::new(&key),
                None => {
                    let mut key = Zeroizing::new([0; KEY_BYTES]);
                    SystemRandom::new().fill(key.as_mut()).map_err(|_| Error::Random)?;
                    // Whether it is ours or another's: what counts is what the file holds now.
                    files::create_private_file(path, key.as_ref())?;
                }
            }
        }
    }

    /// Encrypts. The context is no secret; the same is needed to open it.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] if the system gives no random numbers.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::Random)?;
        // Never grows while it holds plain text, so that no copy of it is left behind.
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, text) = sealed.split_at_mut(1 + NONCE_LEN);
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), bound_to(context), text)
            .map_err(|_| Error::TooLarge { what: "a secret", size: plain.len(), limit: 1 << 30 })?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts what [`seal`](Self::seal) made in the same context.
    ///
    /// # Errors
    ///
    /// [`Error::Unseal`] if it does not open.
    pub fn unseal(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let failed = |reason| Error::Unseal { context: context.to_owned(), reason };
        let body = match sealed.split_first() {
            Some((&FORMAT, body)) => body,
            Some(_) => return Err(failed("it is of a format that this release does not know")),
            None => return Err(failed("it is empty")),
        };
        let (nonce, text) = body.split_first_chunk::<NONCE_LEN>().ok_or_else(|| failed("it is cut off"))?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), bound_to(context), &mut text)
            .map_err(|_| failed("its key, its place or its bytes are not those that it was sealed with"))?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

/// The format is part of it, so that nobody can pass one off as another.
fn bound_to(context: &str) -> Aad<Vec<u8>> {
    Aad::from([&[FORMAT], context.as_bytes()].concat())
}

fn read_key(path: &Path) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error("read", path)(error)),
    };
    files::check_private_file(path)?;
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
        .map_err(|_| Error::MasterKey { path: path.to_owned(), reason: "it does not hold 32 bytes" })?;
    Ok(Some(Zeroizing::new(key)))
}

/// Without the key.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_context_alone() {
        let seal = Seal::new(&[7; 32]).unwrap();
        let sealed = seal.seal("hosts/web/key", b"private").unwrap();
        assert_eq!(*seal.unseal("hosts/web/key", &sealed).unwrap(), b"private");
        assert_ne!(seal.seal("hosts/web/key", b"private").unwrap(), sealed, "each has its own nonce");
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        let swapped = seal.unseal("hosts/db/key", &sealed).unwrap_err();
        assert!(matches!(swapped, Error::Unseal { .. }), "{swapped}");
        let other = Seal::new(&[8; 32]).unwrap().unseal("hosts/web/key", &sealed).unwrap_err();
        assert!(matches!(other, Error::Unseal { .. }), "{other}");
        assert_eq!(format!("{seal:?}"), "Seal");
    }

    #[test]
    fn the_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/master-key");
        let seals: Vec<Seal> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Seal::open_or_create(&path))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        let sealed = seals[0].seal("a", b"b").unwrap();
        for seal in &seals {
            assert_eq!(*seal.unseal("a", &sealed).unwrap(), b"b");
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Seal::open_or_create(&path).unwrap_err();
        assert!(matches!(error, Error::Exposed { .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_no_key_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-key");
        for bytes in [&b""[..], &[1; 31], &[1; 33]] {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = Seal::open_or_create(&path).unwrap_err();
            assert!(matches!(error, Error::MasterKey { .. }), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    proptest! {
        #[test]
        fn any_secret_comes_back(context in any::<String>(), plain in any::<Vec<u8>>()) {
            let seal = Seal::new(&[7; 32]).unwrap();
            let sealed = seal.seal(&context, &plain).unwrap();
            prop_assert_eq!(&*seal.unseal(&context, &sealed).unwrap(), &plain);
        }

        #[test]
        fn no_changed_byte_goes_unnoticed(plain in any::<Vec<u8>>(), place in any::<prop::sample::Index>(), flip in 1_u8..) {
            let seal = Seal::new(&[7; 32]).unwrap();
            let mut sealed = seal.seal("a", &plain).unwrap();
            let place = place.index(sealed.len());
            sealed[place] ^= flip;
            prop_assert!(seal.unseal("a", &sealed).is_err());
            sealed[place] ^= flip;
            sealed.truncate(place);
            prop_assert!(seal.unseal("a", &sealed).is_err());
        }

        #[test]
        fn any_bytes_open_or_not(bytes in any::<Vec<u8>>()) {
            prop_assert!(Seal::new(&[7; 32]).unwrap().unseal("a", &bytes).is_err());
        }
    }
}
