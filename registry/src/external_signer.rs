//! Keys that never come here: a command signs.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;
use crate::tuf::{PublicKey, Signature, Signer};

/// How long a command may take by default: somebody may have to touch a token.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a command that runs is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// The most that a command may print, in bytes.
const MAX_OUTPUT_BYTES: u64 = 4096;

/// A command that signs: it gets the bytes on its standard input, and prints an Ed25519 signature over
/// exactly these, as 64 bytes, as 128 hexadecimal digits, or in Base64; white space around digits and
/// Base64 does not count. It prints on standard error what it wants to tell people.
///
/// The signature is checked before it is used.
#[derive(Debug, Clone)]
pub struct ExternalSigner {
    program: PathBuf,
    arguments: Vec<String>,
    public_key: PublicKey,
    patience: Duration,
}

impl ExternalSigner {
    /// This program with these arguments signs for this key. Nothing is run yet, and no shell ever is.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, arguments: Vec<String>, public_key: PublicKey) -> Self {
        Self { program: program.into(), arguments, public_key, patience: PATIENCE }
    }

    /// With another time that it may take; 120 s otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn failed(&self, reason: &str) -> Error {
        Error::Signer { reason: format!("`{}` {reason}", self.program.display()) }
    }

    fn start(&self) -> Result<Child, Error> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().map_err(|error| self.failed(&format!("cannot be run: {error}")))
    }

    /// What the command prints, if it ends well and in time.
    fn run(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut child = self.start()?;
        let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let message = message.to_vec();
        // Whoever does not read gets no more; its exit code says whether that matters.
        std::thread::spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(&message)));
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.map(|stdout| stdout.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes));
            sender.send(read.transpose().map(|_| bytes))
        });
        let end = Instant::now() + self.patience;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => break,
                Ok(Some(status)) => return Err(self.failed(&format!("failed: {status}"))),
                Ok(None) if Instant::now() < end => std::thread::sleep(INTERVAL),
                Ok(None) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(self.failed(&format!("took more than {} s", self.patience.as_secs())));
                }
                Err(error) => return Err(self.failed(&format!("cannot be waited for: {error}"))),
            }
        }
        // A grandchild may keep the pipe open for ever.
        match output.recv_timeout(end.saturating_duration_since(Instant::now()).max(INTERVAL)) {
            Ok(Ok(bytes)) => Ok(bytes),
            _ => Err(self.failed("did not close its output")),
        }
    }
}

impl Signer for ExternalSigner {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        let printed = self.run(message)?;
        let signature = read_signature(&printed).ok_or_else(|| {
            self.failed("printed no Ed25519 signature: 64 bytes, in hexadecimal, Base64 or as they are")
        })?;
        if self.public_key.verify(message, &signature) {
            Ok(signature)
        } else {
            Err(self.failed(&format!("signed with another key than {}", self.public_key)))
        }
    }
}

/// 64 bytes as they are, as hexadecimal digits, or in Base64.
fn read_signature(printed: &[u8]) -> Option<Signature> {
    if let Ok(bytes) = <[u8; 64]>::try_from(printed) {
        return Some(Signature::new(bytes));
    }
    let text: String = std::str::from_utf8(printed).ok()?.split_ascii_whitespace().collect();
    if text.len() == 128 && text.bytes().all(|c| c.is_ascii_hexdigit()) {
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        return Some(Signature::new(bytes));
    }
    let bytes = STANDARD.decode(text).ok()?;
    <[u8; 64]>::try_from(bytes.as_slice()).ok().map(Signature::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tuf::KeyPair;

    fn pair() -> KeyPair {
        KeyPair::from_seed(&[7; 32]).unwrap()
    }

    fn shell(script: &str) -> ExternalSigner {
        ExternalSigner::new("/bin/sh", vec!["-c".to_owned(), script.to_owned()], pair().public_key())
    }

    fn reason(signer: &ExternalSigner) -> String {
        match signer.sign(b"message") {
            Err(Error::Signer { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_signs_in_any_of_three_spellings() {
        let signature = pair().sign(b"message").unwrap();
        let hexadecimal: String = signature.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = STANDARD.encode(signature.bytes());
        let octal: String = signature.bytes().iter().map(|byte| format!("\\{byte:03o}")).collect();
        for printed in [
            format!("echo {hexadecimal}"),
            format!("echo {}", hexadecimal.to_uppercase()),
            format!("echo {base64} | fold -w 40"),
            format!("printf '{octal}'"),
        ] {
            // It gets the bytes themselves, and only answers to these.
            let script = format!("[ \"$(cat)\" = message ] && {printed}");
            assert_eq!(shell(&script).sign(b"message").unwrap().bytes(), signature.bytes(), "{printed}");
            assert!(shell(&script).sign(b"other").is_err());
        }
    }

    #[test]
    fn what_it_prints_is_not_taken_on_trust() {
        let other = KeyPair::from_seed(&[8; 32]).unwrap().sign(b"message").unwrap();
        let forged = format!("echo {}", STANDARD.encode(other.bytes()));
        assert!(reason(&shell(&forged)).contains("signed with another key"));
        assert!(reason(&shell("echo hello")).contains("printed no Ed25519 signature"));
        assert!(reason(&shell("cat > /dev/null; head -c 100000 /dev/zero; true")).contains("signature"));
        assert!(reason(&shell("echo no >&2; exit 3")).contains("failed: exit status: 3"));
        let nothing = ExternalSigner::new("/does/not/exist", Vec::new(), pair().public_key());
        assert!(reason(&nothing).contains("cannot be run"));
    }

    #[test]
    fn it_is_not_waited_for_without_end() {
        let slow = shell("exec sleep 60").with_patience(Duration::from_millis(50));
        assert!(reason(&slow).contains("took more than"));
        let open = shell("sleep 3 & echo $! > /dev/null").with_patience(Duration::from_millis(300));
        let message = reason(&open);
        assert!(message.contains("did not close its output"), "{message}");
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_signature(&bytes);
        }

        #[test]
        fn every_spelling_is_read_back(bytes in prop::array::uniform32(any::<u8>())) {
            let bytes: [u8; 64] = [bytes, bytes].concat().try_into().unwrap();
            let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let base64 = STANDARD.encode(bytes);
            for printed in [&bytes[..], hexadecimal.as_bytes(), base64.as_bytes()] {
                prop_assert_eq!(*read_signature(printed).unwrap().bytes(), bytes);
            }
        }
    }
}
