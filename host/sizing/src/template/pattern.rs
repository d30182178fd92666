//! Patterns on templates' names.

use regex_lite::Regex;

use crate::error::Error;

/// A pattern, and what it was written as.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    regex: Regex,
}

impl Pattern {
    /// # Errors
    ///
    /// [`Error::Pattern`] where it is not a regular expression.
    pub(super) fn new(text: &str) -> Result<Self, Error> {
        let regex = Regex::new(text)
            .map_err(|error| Error::Pattern { pattern: text.to_owned(), reason: error.to_string() })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }
}

/// Each pattern's alternatives as patterns of their own, in their order: `^(b2|c2)-.*` stays as it is,
/// `b2-.*|c2-.*`, `(b2-.*|c2-.*)` and `^(b2-.*|c2-.*)$` are two.
///
/// # Errors
///
/// [`Error::Pattern`] where one is not a regular expression.
pub(super) fn alternatives(patterns: &[String]) -> Result<Vec<Pattern>, Error> {
    let mut found = Vec::new();
    for pattern in patterns {
        // A mistake is shown in the pattern as it was written.
        let whole = Pattern::new(pattern)?;
        let parts = split(pattern);
        if let [_] = parts.as_slice() {
            found.push(whole);
            continue;
        }
        for part in parts {
            found.push(Pattern::new(&part)?);
        }
    }
    Ok(found)
}

fn split(pattern: &str) -> Vec<String> {
    let (flags, rest) = flags(pattern);
    // Flags further on hold up to the end, whatever `|` there is.
    if rest.match_indices("(?").any(|(at, _)| !rest[at..].starts_with("(?:")) {
        return vec![pattern.to_owned()];
    }
    let top = split_top(rest);
    if top.len() > 1 {
        return top.into_iter().map(|part| format!("{flags}{part}")).collect();
    }
    let (before, rest) = rest.strip_prefix('^').map_or(("", rest), |rest| ("^", rest));
    let (after, rest) = rest.strip_suffix('$').map_or(("", rest), |rest| ("$", rest));
    let Some(inner) = enclosed(rest) else { return vec![pattern.to_owned()] };
    split_top(inner).into_iter().map(|part| format!("{flags}{before}(?:{part}){after}")).collect()
}

/// The flags that the pattern begins with, such as `(?i)`, and the rest.
fn flags(pattern: &str) -> (&str, &str) {
    let Some(inner) = pattern.strip_prefix("(?") else { return ("", pattern) };
    let width = inner.find(|c: char| !(c.is_ascii_alphabetic() || c == '-')).unwrap_or(inner.len());
    if inner[width..].starts_with(')') { pattern.split_at(width + 3) } else { ("", pattern) }
}

/// What is in the group that the pattern consists of.
fn enclosed(pattern: &str) -> Option<&str> {
    let inner = pattern.strip_prefix('(')?.strip_suffix(')')?;
    let inner = match inner.strip_prefix("?:") {
        Some(inner) => inner,
        None if inner.starts_with('?') => return None,
        None => inner,
    };
    let mut depth = 0_usize;
    for (_, mark) in marks(inner) {
        match mark {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    (depth == 0).then_some(inner)
}

/// The parts between `|` that are in no group.
fn split_top(pattern: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, mark) in marks(pattern) {
        match mark {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                parts.push(pattern.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(pattern.get(start..).unwrap_or_default());
    parts
}

/// The characters that are neither escaped nor in a class, with where they are.
fn marks(pattern: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut is_escaped, mut is_class, mut class_start) = (false, false, 0);
    pattern.char_indices().filter(move |&(at, c)| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        match c {
            '\\' => is_escaped = true,
            '[' if !is_class => (is_class, class_start) = (true, at),
            // The first `]` of a class, or the first after `^`, belongs to it.
            ']' if is_class => {
                let inside = pattern.get(class_start + 1..at).unwrap_or_default();
                is_class = inside.is_empty() || inside == "^";
            }
            _ => return !is_class,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::{alternatives, split};

    #[test]
    fn alternatives_of_the_whole_are_split() {
        for (pattern, parts) in [
            ("b2-.*", vec!["b2-.*"]),
            ("b2-.*|c2-.*", vec!["b2-.*", "c2-.*"]),
            ("^(b2|c2)-7$|^x$", vec!["^(b2|c2)-7$", "^x$"]),
            ("^(b2|c2)-.*", vec!["^(b2|c2)-.*"]),
            ("(b2|c2)(a|b)", vec!["(b2|c2)(a|b)"]),
            ("^(b2-.*|c2-(x|y))$", vec!["^(?:b2-.*)$", "^(?:c2-(x|y))$"]),
            ("(?:a|b)", vec!["(?:a)", "(?:b)"]),
            ("(?i:a|b)", vec!["(?i:a|b)"]),
            ("(?i)a|b", vec!["(?i)a", "(?i)b"]),
            ("(?i)^(a|b)", vec!["(?i)^(?:a)", "(?i)^(?:b)"]),
            ("a|(?i)b|c", vec!["a|(?i)b|c"]),
            (r"a\|b", vec![r"a\|b"]),
            ("[a|b]", vec!["[a|b]"]),
            ("[]|]", vec!["[]|]"]),
        ] {
            assert_eq!(split(pattern), parts, "{pattern}");
        }
    }

    #[test]
    fn a_mistake_is_shown_as_it_was_written() {
        let error = alternatives(&["a|(b".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("`a|(b`"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_is_borne(text in "([a-ciA|()\\[\\]^$?:\\\\*]|\\(\\?i\\)){0,16}") {
            // What can be read as a whole can be read in parts, and they match the same.
            if let Ok(parts) = alternatives(std::slice::from_ref(&text)) {
                let whole = regex_lite::Regex::new(&text).unwrap();
                for name in ["", "a", "A", "ab", "aBc", "c|", "b("] {
                    let any = parts.iter().any(|part| part.matches(name));
                    proptest::prop_assert_eq!(any, whole.is_match(name), "{} on {}", text, name);
                }
            }
        }
    }
}
