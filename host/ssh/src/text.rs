//! Foreign text for people's eyes.

/// How much of a foreign text is shown.
const SHOWN_CHARACTERS: usize = 400;

/// The text on one line, without control characters and changes of direction, at most 400 characters of it.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN_CHARACTERS));
    for character in text.trim().chars().take(SHOWN_CHARACTERS) {
        let harmless = !character.is_control()
            && !matches!(character, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        shown.push(if harmless { character } else { ' ' });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_line_breaks_are_gone() {
        assert_eq!(printable(" a\x1b[2Jb\r\nc\u{202e}d "), "a [2Jb  c d");
        assert_eq!(printable(&"x".repeat(1000)).len(), SHOWN_CHARACTERS);
    }
}
