//! Names, and what may be one.

use crate::limits::NAME_CHARACTERS;

/// Whether it names a step, a role, a parameter or an output: lower-case letters, digits, `-` and `_`, a
/// letter first, 64 at most.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= NAME_CHARACTERS
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

/// Whether it names a variable of a process: letters, digits and `_`, no digit first, 64 at most. Names
/// that change how programs are loaded or found are none, nor are Skywright's own.
#[must_use]
pub fn is_environment_name(text: &str) -> bool {
    let plain = text.len() <= NAME_CHARACTERS
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let reserved = ["LD_", "DYLD_", "BASH_FUNC_", "SKYWRIGHT_"].iter().any(|prefix| text.starts_with(prefix))
        || matches!(text, "PATH" | "IFS" | "BASH_ENV" | "ENV" | "SHELLOPTS" | "HOME" | "PS4");
    plain && !reserved
}

/// Whether it names a template: a file's name in `scripts/`, without folders, ending in `.tera`.
#[must_use]
pub fn is_template_name(text: &str) -> bool {
    text.len() <= NAME_CHARACTERS
        && text.ends_with(".tera")
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_strict() {
        for good in ["a", "join-token", "worker_token", "a1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "1a", "-a", "a b", "a/b", "..", "a.b", "é", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_environment_does_not_change_which_programs_run() {
        assert!(is_environment_name("JOIN_TOKEN") && is_environment_name("_x"));
        for bad in ["", "1A", "A-B", "PATH", "LD_PRELOAD", "BASH_ENV", "A=B", "SKYWRIGHT_OUTPUT"] {
            assert!(!is_environment_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn templates_lie_in_one_folder() {
        assert!(is_template_name("config.sh.tera") && is_template_name("a.tera"));
        for bad in ["", "a.sh", "../a.tera", "a/b.tera", ".tera", "a b.tera"] {
            assert!(!is_template_name(bad), "{bad:?}");
        }
    }
}
