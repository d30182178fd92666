//! What a person types to the client rather than to the remote machine.

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// For the remote machine.
    Keys(Vec<u8>),
    /// `~.` at the beginning of a line.
    HangUp,
}

/// Looks for `~.` and `~~` at the beginning of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Escape {
    #[default]
    LineStart,
    Tilde,
    Within,
}

impl Escape {
    pub(crate) fn filter(&mut self, typed: &[u8]) -> Typed {
        let mut keys = Vec::with_capacity(typed.len() + 1);
        for &key in typed {
            match (*self, key) {
                (Self::Tilde, b'.') => return Typed::HangUp,
                (Self::LineStart, b'~') => {
                    *self = Self::Tilde;
                    continue;
                }
                (Self::Tilde, b'~') => keys.push(b'~'),
                (Self::Tilde, _) => keys.extend([b'~', key]),
                _ => keys.push(key),
            }
            *self = if matches!(key, b'\r' | b'\n') { Self::LineStart } else { Self::Within };
        }
        Typed::Keys(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(pieces: &[&str]) -> Option<String> {
        let mut escape = Escape::default();
        let mut all = Vec::new();
        for piece in pieces {
            match escape.filter(piece.as_bytes()) {
                Typed::Keys(keys) => all.extend(keys),
                Typed::HangUp => return None,
            }
        }
        Some(String::from_utf8(all).unwrap())
    }

    #[test]
    fn a_tilde_counts_at_the_beginning_of_a_line() {
        assert_eq!(typed(&["ls ~.\r"]).unwrap(), "ls ~.\r");
        assert_eq!(typed(&["~", "~x"]).unwrap(), "~x");
        assert_eq!(typed(&["~/bin\r"]).unwrap(), "~/bin\r");
        assert_eq!(typed(&["~", "."]), None);
        assert_eq!(typed(&["ls\r~", "."]), None);
    }

    proptest::proptest! {
        #[test]
        fn without_tildes_nothing_changes(text in "[^~]{0,40}") {
            assert_eq!(typed(&[&text]).unwrap(), text);
        }
    }
}
