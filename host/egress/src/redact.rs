//! Redaction: known secrets, in their usual encodings, as `***`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// Shorter ones are not looked for: they would be found everywhere, and are no secrets.
const MINIMUM_BYTES: usize = 4;
/// Lines of a many-line secret (a key in PEM) are looked for one by one from this length on.
const MINIMUM_LINE_BYTES: usize = 24;

/// All but the unreserved characters of RFC 3986.
pub(crate) const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// As `encodeURIComponent` does.
const COMPONENT: &AsciiSet = &FORM.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// As most do for a path.
const PATH: &AsciiSet = &FORM.remove(b'/');

#[derive(PartialEq, Eq)]
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    /// Where it is found, all base64 around it goes too: the edges of the secret are there.
    base64: bool,
}

/// Replaces known secrets by `***`: as they are, and percent-, base64- and JSON-encoded, whichever
/// characters of a JSON string are escaped.
///
/// Secrets of fewer than four bytes are not looked for. It is a net under honest output and servers
/// that echo; it does not see through other encodings, compression, or a secret in pieces. The cost is
/// a pass over the text for each form of each secret, twice where there is a backslash in it.
pub struct Redactor {
    needles: Vec<Needle>,
}

impl Redactor {
    /// Knows these secrets. The cost is some twenty small buffers for each.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            add_encodings(secret, &mut needles);
            if secret.contains('\n') {
                let lines = secret.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
                for line in lines.filter(|line| line.len() >= MINIMUM_LINE_BYTES) {
                    add_encodings(line, &mut needles);
                }
            }
        }
        Self { needles }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// The text without secrets; borrowed if none was in it.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let ranges = self.find(text.as_bytes());
        if ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        // All but the Latin-1 forms are whole characters, and those hardly ever match in UTF-8.
        Cow::Owned(String::from_utf8_lossy(&mask(text.as_bytes(), &ranges)).into_owned())
    }

    /// The bytes without secrets; borrowed if none was in them.
    #[must_use]
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let ranges = self.find(bytes);
        if ranges.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned(mask(bytes, &ranges)) }
    }

    /// The places of all secrets, in order and without overlap.
    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut ranges = self.find_plain(bytes);
        if !self.is_empty() && memchr::memchr(b'\\', bytes).is_some() {
            let unescaped: Vec<u8> = Escapes { rest: bytes }
                .flat_map(|piece| piece.decoded.into_iter().take(piece.length))
                .collect();
            let found = merge(self.find_plain(&unescaped));
            ranges.extend(escaped_ranges(bytes, &found));
        }
        merge(ranges)
    }

    fn find_plain(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        // Most texts are names and values of headers: to prepare a search costs more than all of them are long.
        for needle in self.needles.iter().filter(|needle| needle.bytes.len() <= bytes.len()) {
            let mut covered = 0;
            for start in memmem::find_iter(bytes, needle.bytes.as_slice()) {
                // A long run of base64 is walked once, however many secrets are in it.
                if start >= covered {
                    let found = start..start + needle.bytes.len();
                    let found = if needle.base64 { widen(bytes, found) } else { found };
                    covered = found.end;
                    ranges.push(found);
                }
            }
        }
        ranges
    }
}

fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Where in the escaped text the ranges of its unescaped form are.
fn escaped_ranges(bytes: &[u8], found: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut out = Vec::with_capacity(found.len());
    let mut found = found.iter().peekable();
    let (mut raw, mut plain, mut begun) = (0, 0, None);
    for piece in (Escapes { rest: bytes }) {
        let Some(range) = found.peek() else { break };
        if begun.is_none() && plain + piece.length > range.start {
            begun = Some(raw);
        }
        raw += piece.raw;
        plain += piece.length;
        if plain >= range.end {
            out.extend(begun.take().map(|start| start..raw));
            found.next();
        }
    }
    out
}

/// The bytes of a text with the escapes of JSON strings undone, wherever they stand.
struct Escapes<'a> {
    rest: &'a [u8],
}

/// One character or byte: how long it is in the text, and what it stands for.
struct Piece {
    raw: usize,
    decoded: [u8; 4],
    length: usize,
}

impl Piece {
    fn of(raw: usize, character: char) -> Self {
        let mut decoded = [0; 4];
        let length = character.encode_utf8(&mut decoded).len();
        Self { raw, decoded, length }
    }
}

impl Iterator for Escapes<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let first = *self.rest.first()?;
        let escape = if first == b'\\' { unescape(self.rest) } else { None };
        let piece = escape.unwrap_or(Piece { raw: 1, decoded: [first, 0, 0, 0], length: 1 });
        self.rest = self.rest.get(piece.raw..)?;
        Some(piece)
    }
}

/// What the `\` at the beginning of `text` and what follows stand for; `None` if that is no escape.
fn unescape(text: &[u8]) -> Option<Piece> {
    let character = match *text.get(1)? {
        letter @ (b'"' | b'\\' | b'/') => char::from(letter),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let second = if text.get(6..8) == Some(b"\\u") { code_unit(text.get(8..12)) } else { None };
            let pair = [code_unit(text.get(2..6))?, second.unwrap_or(0)];
            let character = char::decode_utf16(pair).next()?.ok()?;
            return Some(Piece::of(if character.len_utf16() == 2 { 12 } else { 6 }, character));
        }
        _ => return None,
    };
    Some(Piece::of(2, character))
}

/// Four hexadecimal digits.
fn code_unit(digits: Option<&[u8]>) -> Option<u16> {
    let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.needles.len())
    }
}

fn mask(bytes: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for range in ranges {
        out.extend_from_slice(&bytes[from..range.start]);
        out.extend_from_slice(MASK.as_bytes());
        from = range.end;
    }
    out.extend_from_slice(&bytes[from..]);
    out
}

/// The whole run of base64 that a find lies in.
fn widen(bytes: &[u8], found: Range<usize>) -> Range<usize> {
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(b);
    let before = bytes[..found.start].iter().rev().take_while(|b| is_base64(b)).count();
    let after = bytes[found.end..].iter().take_while(|b| is_base64(b)).count();
    found.start - before..found.end + after
}

fn add_encodings(secret: &str, needles: &mut Vec<Needle>) {
    if secret.len() < MINIMUM_BYTES {
        return;
    }
    let mut add = |bytes: Vec<u8>, base64: bool| {
        let needle = Needle { bytes: Zeroizing::new(bytes), base64 };
        if !needles.contains(&needle) {
            needles.push(needle);
        }
    };
    add(secret.as_bytes().to_vec(), false);
    for set in [FORM, COMPONENT, PATH, NON_ALPHANUMERIC] {
        let upper = utf8_percent_encode(secret, set).to_string();
        add(lower_hex(&upper).into_bytes(), false);
        add(upper.replace("%20", "+").into_bytes(), false);
        add(upper.into_bytes(), false);
    }
    // Escaped twice over, as JSON inside a string of JSON is: once is undone before looking.
    add(escape_json(secret).into_bytes(), false);
    if !secret.is_ascii() {
        // Latin-1, and UTF-8 that somebody took for Latin-1.
        let latin: Option<Vec<u8>> = secret.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        latin.into_iter().for_each(|latin| add(latin, false));
        add(secret.bytes().map(char::from).collect::<String>().into_bytes(), false);
    }
    for text in base64_encodings(secret.as_bytes()) {
        add(text.into_bytes(), true);
    }
}

/// `%2F` as `%2f`, and nothing else in lower case.
fn lower_hex(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len());
    let mut hex = 0_u8;
    for character in encoded.chars() {
        hex = if character == '%' { 3 } else { hex };
        out.push(if hex > 0 { character.to_ascii_lowercase() } else { character });
        hex = hex.saturating_sub(1);
    }
    out
}

/// A text as it stands between the quotes of a JSON string.
pub(crate) fn escape_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// What base64 of any text around the secret must contain: the secret may begin at any of three
/// places in a group, and the characters that it shares with its neighbours are left out.
fn base64_encodings(secret: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    for offset in 0..3 {
        let mut padded = Zeroizing::new(vec![0; offset]);
        padded.extend_from_slice(secret);
        // Bits of the text before it are in the first `offset + 1` characters, unless there are none.
        let skip = if offset == 0 { 0 } else { offset + 1 };
        let whole = padded.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = Zeroizing::new(engine.encode(padded.as_slice()));
            if let Some(inner) = encoded.get(skip..whole).filter(|inner| inner.len() >= MINIMUM_BYTES) {
                out.push(inner.to_owned());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_goes_in_every_usual_form() {
        let secret = "pä ss/w+o\"rd<&>\n";
        let redactor = Redactor::new([secret]);
        for form in [
            secret.to_owned(),
            "p%C3%A4%20ss%2Fw%2Bo%22rd%3C%26%3E%0A".to_owned(),
            "p%c3%a4%20ss%2fw%2bo%22rd%3c%26%3e%0a".to_owned(),
            "p%C3%A4+ss%2Fw%2Bo%22rd%3C%26%3E%0A".to_owned(),
            "p%C3%A4%20ss/w%2Bo%22rd%3C%26%3E%0A".to_owned(),
            "pä ss/w+o\\\"rd<&>\\n".to_owned(),
            "pä ss\\/w+o\\\"rd<&>\\n".to_owned(),
            "p\\u00e4 ss/w+o\\\"rd<&>\\n".to_owned(),
            "pä ss/w+o\\\"rd\\u003c\\u0026\\u003e\\n".to_owned(),
            "\\u0070\\u00E4 ss/w+o\\\"rd<&\\u003e\\n".to_owned(),
            "pä ss/w+o\\\\\\\"rd<&>\\\\n".to_owned(),
            "pÃ¤ ss/w+o\"rd<&>\n".to_owned(),
            STANDARD.encode(secret),
            URL_SAFE.encode(secret),
            STANDARD.encode(format!("admin:{secret}")),
        ] {
            assert_eq!(redactor.redact(&format!("a \"{form}\" b")), "a \"***\" b", "{form}");
        }
    }

    #[test]
    fn bytes_in_latin_1_are_known_too() {
        let redactor = Redactor::new(["geheim-ü-wort"]);
        assert_eq!(*redactor.redact_bytes(b"a geheim-\xfc-wort b"), *b"a *** b");
    }

    #[test]
    fn escapes_are_undone_one_by_one() {
        let unescape = |text: &str| {
            let bytes = Escapes { rest: text.as_bytes() }.flat_map(|p| p.decoded.into_iter().take(p.length));
            String::from_utf8(bytes.collect()).unwrap()
        };
        for text in [r#"a\\u0041 \u00e4\ud83d\ude00 \n\t\/\" ü"#, r"\u0000\b\f\r", "plain"] {
            assert_eq!(unescape(text), serde_json::from_str::<String>(&format!("\"{text}\"")).unwrap());
        }
        // What is no escape stands for itself.
        for text in [r"\", r"\x41", r"\u12", r"\u+123", r"\ud83d", r"\ud83dA", r"\ude00"] {
            assert_eq!(unescape(text), text);
        }
    }

    #[test]
    fn a_long_run_of_base64_is_walked_once() {
        let run = STANDARD.encode("hunter22x".repeat(200_000));
        assert_eq!(Redactor::new(["hunter22"]).redact(&format!("<{run}>")), "<***>");
    }

    #[test]
    fn text_without_secrets_is_left_alone() {
        let redactor = Redactor::new(["hunter22", "abc", ""]);
        assert!(matches!(redactor.redact("abc and hunter2 stay"), Cow::Borrowed(_)));
        assert!(Redactor::new(["", "abc"]).is_empty());
    }

    #[test]
    fn overlapping_secrets_leave_nothing_between() {
        let redactor = Redactor::new(["token-one-two", "one-two-three"]);
        assert_eq!(redactor.redact("<token-one-two-three>"), "<***>");
        assert_eq!(redactor.redact("token-one-twotoken-one-two"), "***");
    }

    #[test]
    fn the_lines_of_a_key_are_secrets_too() {
        let key =
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";
        let redactor = Redactor::new([key]);
        assert_eq!(redactor.redact("x MIIEvQIBADANBgkqhkiG9w0BAQEFAASC y"), "x *** y");
        assert_eq!(redactor.redact("-----BEGIN PRIVATE KEY-----"), "-----BEGIN PRIVATE KEY-----");
    }

    #[test]
    fn debug_shows_a_number_only() {
        assert!(!format!("{:?}", Redactor::new(["hunter22"])).contains("hunter22"));
    }

    proptest! {
        #[test]
        fn base64_is_found_at_any_offset(before in "[ -~]{0,5}", secret in "[ -~]{8,40}", after in "[ -~]{0,5}") {
            let redactor = Redactor::new([secret.as_str()]);
            let text = format!("{before}{secret}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                prop_assert_eq!(redactor.redact(&encoded), MASK);
            }
        }

        #[test]
        fn no_secret_survives(before in ".{0,20}", secret in ".{4,20}", after in ".{0,20}") {
            // A neighbour may complete the mask itself into a secret of stars.
            prop_assume!(!secret.contains('*'));
            let redactor = Redactor::new([secret.as_str()]);
            let redacted = redactor.redact(&format!("{before}{secret}{after}")).into_owned();
            let overlaps = (1..secret.len()).any(|n| secret.is_char_boundary(n) && secret.starts_with(&secret[n..]));
            prop_assert!(overlaps || !redacted.contains(secret.as_str()));
        }

        #[test]
        fn bytes_of_any_kind_do_not_panic(bytes: Vec<u8>, secret in "\\PC{0,10}") {
            let _ = Redactor::new([secret.as_str()]).redact_bytes(&bytes);
        }
    }
}
