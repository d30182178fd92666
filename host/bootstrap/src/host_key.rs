//! The host keys that a host prints on its console.

use std::collections::BTreeSet;
use std::fmt;

use ssh_key::{Algorithm, PublicKey};

use crate::error::Error;

const BEGIN: &str = "-----BEGIN SKYWRIGHT HOST KEYS ";
const BEGIN_END: &str = "-----";
const END: &str = "-----END SKYWRIGHT HOST KEYS-----";

/// The most keys that a host prints: sshd has no more kinds.
const MOST_KEYS: usize = 8;

/// A key by which an SSH server is known: its public half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey(PublicKey);

impl fmt::Display for HostKey {
    /// As the console shows it, and as `known_hosts` has it: `ssh-ed25519 AAAA…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_openssh().map_err(|_| fmt::Error)?)
    }
}

impl HostKey {
    /// Exactly as [`fmt::Display`] writes it.
    fn parse(line: &str) -> Option<Self> {
        let key = Self(PublicKey::from_openssh(line).ok()?);
        let is_known = !matches!(key.0.algorithm(), Algorithm::Other(_)) && key.0.comment().is_empty();
        (is_known && key.0.to_openssh().is_ok_and(|written| written == line)).then_some(key)
    }
}

/// The host keys in a host's console output, in the order that the host printed them. `None`: it has printed none
/// yet, or not to the end.
///
/// Only what the script prints is taken. A block that something else came into, or whose end is missing, counts as
/// none if there is a whole one. Text before and after blocks is of no account.
///
/// The console is trusted as far as the cloud is: root on the host can print anything there. Ask before the host is
/// given to anyone, and keep the answer.
///
/// # Errors
///
/// [`Error::HostKeys`]: whole blocks differ, or there are only ones that are not what a host prints.
pub fn host_keys_from_console(text: &str) -> Result<Option<Vec<HostKey>>, Error> {
    let mut found: Option<Vec<HostKey>> = None;
    let mut broken = false;
    let mut block: Option<(usize, Vec<&str>)> = None;
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        if let Some(count) = begin(line) {
            block = Some((count, Vec::new()));
        } else if line == END {
            let Some((count, lines)) = block.take() else { continue };
            match (whole(count, &lines), &found) {
                (None, _) => broken = true,
                (Some(keys), Some(before)) if keys != *before => {
                    return Err(Error::HostKeys { reason: "it shows different ones" });
                }
                (Some(keys), _) => found = Some(keys),
            }
        } else if let Some((_, lines)) = &mut block {
            if lines.len() > MOST_KEYS {
                (broken, block) = (true, None);
            } else {
                lines.push(line);
            }
        }
    }
    match found {
        None if broken => Err(Error::HostKeys { reason: "something else is among them" }),
        found => Ok(found),
    }
}

/// How many keys a line says will follow.
fn begin(line: &str) -> Option<usize> {
    let count = line.strip_prefix(BEGIN)?.strip_suffix(BEGIN_END)?;
    (1..=MOST_KEYS).find(|known| known.to_string() == count)
}

fn whole(count: usize, lines: &[&str]) -> Option<Vec<HostKey>> {
    let keys = lines.iter().map(|line| HostKey::parse(line)).collect::<Option<Vec<_>>>()?;
    let different = keys.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    (keys.len() == count && different.len() == count).then_some(keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ssh_key::public::{Ed25519PublicKey, KeyData};

    use super::*;

    fn key(byte: u8) -> HostKey {
        let data = KeyData::Ed25519(Ed25519PublicKey([byte; 32]));
        HostKey(PublicKey::new(data, ""))
    }

    fn printed(keys: &[HostKey]) -> String {
        let lines = keys.iter().map(|key| format!("{key}\n")).collect::<String>();
        format!("\n{BEGIN}{}-----\n{lines}{END}\n", keys.len())
    }

    #[test]
    fn what_a_host_prints_is_read() {
        let keys = [key(1), key(2)];
        let text = format!("[ 1.0] boot\nlogin: {}more", printed(&keys));
        assert_eq!(host_keys_from_console(&text).unwrap().unwrap(), keys);
        assert_eq!(host_keys_from_console(&text.replace('\n', "\r\n")).unwrap().unwrap(), keys);
        let twice = format!("{text}\n{text}");
        assert_eq!(host_keys_from_console(&twice).unwrap().unwrap(), keys);
    }

    #[test]
    fn the_words_are_the_scripts_own() {
        let script = include_str!("../scripts/host_keys.sh");
        assert!(script.contains(&format!("\"{BEGIN}$count{BEGIN_END}\"")));
        assert!(script.contains(END));
    }

    #[test]
    fn none_yet() {
        let text = printed(&[key(1)]);
        for text in ["", "boot", text.strip_suffix(&format!("{END}\n")).unwrap(), &text.replace(BEGIN, "x")] {
            assert_eq!(host_keys_from_console(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_start_that_was_cut_off_does_not_count() {
        let text = format!("{BEGIN}1-----\n{}\n[ 0.0] boot again\n{}", key(9), printed(&[key(1)]));
        assert_eq!(host_keys_from_console(&text).unwrap().unwrap(), [key(1)]);
    }

    #[test]
    fn different_ones_are_not_chosen_from() {
        let text = format!("{}{}", printed(&[key(1)]), printed(&[key(2)]));
        assert!(host_keys_from_console(&text).is_err());
    }

    #[test]
    fn what_is_not_exactly_so_is_refused() {
        let good = printed(&[key(1)]);
        let line = key(1).to_string();
        let fingerprint = "ssh-ed25519 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        let commented = format!("{line} root@web");
        let unknown = line.replace("ssh-ed25519", "ssh-made-up");
        let spaced = line.replace(' ', "  ");
        for other in [
            &format!("[ 3.1] usb: {line}"),
            &format!("{line} "),
            &format!("{line}\n{line}"),
            &format!("{line}\n{}", key(2)),
            &format!("\u{1b}[0m{line}"),
            &format!("{line}="),
            fingerprint,
            &commented,
            &unknown,
            &spaced,
            "",
        ] {
            let text = good.replace(&line, other);
            assert!(host_keys_from_console(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in "(\\PC|\n){0,200}") {
            let _ = host_keys_from_console(&text);
        }

        #[test]
        fn keys_come_back_out_of_any_console(
            bytes in prop::collection::btree_set(any::<u8>(), 1..MOST_KEYS),
            before in "(\\PC|\n){0,80}",
            after in "(\\PC|\n){0,80}",
        ) {
            let keys = bytes.into_iter().map(key).collect::<Vec<_>>();
            let text = format!("{before}{}{after}", printed(&keys));
            prop_assert_eq!(host_keys_from_console(&text).unwrap().unwrap(), keys);
        }

        /// Nothing that was changed anywhere in the block makes another key of it.
        #[test]
        fn a_changed_block_gives_no_other_keys(at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
            let keys = [key(1), key(2)];
            let mut text = printed(&keys).into_bytes();
            let at = at.index(text.len());
            let changed_key = text[at].is_ascii_alphanumeric() && byte.is_ascii_alphanumeric();
            text[at] = byte;
            let answer = host_keys_from_console(&String::from_utf8(text).unwrap());
            if let Ok(Some(found)) = answer {
                prop_assert_eq!(found.len(), 2);
                prop_assert!(found == keys || changed_key || byte == b'+' || byte == b'/');
            }
        }
    }
}
