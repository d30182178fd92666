//! A copy of a part of a file, in memory that nobody can change any more: not this process, not another of
//! the same user, not whoever writes to the file.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

const CHUNK_BYTES: usize = 64 << 10;

/// Bytes in a file without a name, sealed by the kernel against every change of contents and length.
pub(crate) struct SealedCopy(File);

impl SealedCopy {
    /// Of what is left of a file. Cost: one copy, made by the kernel.
    ///
    /// # Errors
    ///
    /// What reading gives, or too little memory.
    pub(crate) fn of_rest(source: &mut File) -> Result<Self> {
        let mut copy = File::from(anonymous_file()?);
        std::io::copy(source, &mut copy)?;
        fcntl_add_seals(&copy, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self(copy))
    }

    /// Feeds every byte to a hasher.
    ///
    /// # Errors
    ///
    /// None is known: the bytes are in memory.
    pub(crate) fn feed(&mut self, hasher: &mut blake3::Hasher) -> Result<()> {
        let mut chunk = [0; CHUNK_BYTES];
        self.0.seek(SeekFrom::Start(0))?;
        loop {
            match self.0.read(&mut chunk)? {
                0 => return Ok(()),
                length => {
                    hasher.update(&chunk[..length]);
                }
            }
        }
    }

    /// Where this process, and no other, can open it again for as long as `self` lives.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// Some sites forbid such files to be programs, some kernels do not know the word for it.
fn anonymous_file() -> Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create("skywright-artefact", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(rustix::io::Errno::INVAL) => Ok(memfd_create("skywright-artefact", flags)?),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn nobody_changes_it() {
        let mut source = tempfile::tempfile().unwrap();
        source.write_all(&[&b"head"[..], &[7; 100_000]].concat()).unwrap();
        source.seek(SeekFrom::Start(4)).unwrap();
        let mut copy = SealedCopy::of_rest(&mut source).unwrap();
        source.set_len(0).unwrap();
        let again = std::fs::OpenOptions::new().write(true).open(copy.path());
        assert!(again.and_then(|mut file| file.write_all(b"x")).is_err());
        assert!(
            copy.0.write_all(b"x").is_err() && copy.0.set_len(0).is_err() && copy.0.set_len(1 << 20).is_err()
        );
        let mut hasher = blake3::Hasher::new();
        copy.feed(&mut hasher).unwrap();
        assert_eq!(hasher.finalize(), blake3::hash(&[7; 100_000]));
    }
}
