//! Words for a POSIX shell.

use crate::error::Error;

/// The text as one word of a POSIX shell, whatever is in it.
///
/// # Errors
///
/// [`Error::Invalid`] if there is a NUL in it, which no argument can have.
pub fn quote(text: &str) -> Result<String, Error> {
    if text.contains('\0') {
        return Err(Error::invalid("argument", "there is a NUL in it"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// The words as one line that a POSIX shell takes apart into the same words.
///
/// # Errors
///
/// As [`quote`].
pub fn quote_all<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Result<String, Error> {
    let words: Result<Vec<_>, _> = words.into_iter().map(|word| quote(word.as_ref())).collect();
    Ok(words?.join(" "))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn through_a_shell(words: &[String]) -> Vec<String> {
        let line = format!("printf '%s\\0' {}", quote_all(words).unwrap());
        let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn nothing_is_special() {
        let words: Vec<String> =
            ["", " ", "a b", "it's", "'", "$(id)", "`id`", "-n", "*", "~", "a\nb", "\\", "!x", "ä"]
                .map(str::to_owned)
                .to_vec();
        assert_eq!(through_a_shell(&words), words);
        assert!(quote("a\0b").is_err());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
        #[test]
        fn a_shell_reads_what_was_meant(words in proptest::collection::vec("[^\0]{0,12}", 1..5)) {
            assert_eq!(through_a_shell(&words), words);
        }
    }
}
