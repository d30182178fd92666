//! Captures: secrets that are moved out of an answer before the plugin sees it.

use std::borrow::Cow;

use serde_json::Value;

use crate::header::header_name;
use crate::redact::{MASK, Redactor};
use crate::request::{Capture, CaptureSource, Response};
use crate::vault::Secret;

/// The largest body that a pointer may point into, in bytes. Parsed, it takes some twenty times that.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Why a capture cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// It is no RFC 6901 pointer.
    #[error("`{pointer}` is no JSON pointer")]
    Pointer {
        /// The text.
        pointer: String,
    },
    /// It is no header name.
    #[error("`{name}` is no header name")]
    Header {
        /// The text.
        name: String,
    },
    /// What it points at is there, and no string.
    #[error("what `{pointer}` points at is no string")]
    NotAString {
        /// The pointer.
        pointer: String,
    },
    /// The body is longer than 1 MiB.
    #[error("the answer has more than {MAX_BODY_BYTES} bytes, and `{pointer}` points into it")]
    TooLong {
        /// The pointer.
        pointer: String,
    },
    /// A successful answer has a body that is no JSON, so that nobody knows where the secret is.
    #[error("the answer is no JSON, and `{pointer}` points into it")]
    NotJson {
        /// The pointer.
        pointer: String,
    },
}

/// What was taken out of an answer.
#[derive(Debug, Default)]
pub struct Captured {
    /// The capture's place in the request's list, and the value.
    pub values: Vec<(usize, Secret)>,
    /// Further values of captured headers: blanked and not kept.
    pub dropped: Vec<Secret>,
}

/// Whether a capture is well formed.
///
/// # Errors
///
/// [`CaptureError::Pointer`] and [`CaptureError::Header`].
pub fn check_capture(capture: &Capture) -> Result<(), CaptureError> {
    match &capture.source {
        CaptureSource::JsonPointer(pointer) if is_pointer(pointer) => Ok(()),
        CaptureSource::JsonPointer(pointer) => Err(CaptureError::Pointer { pointer: pointer.clone() }),
        CaptureSource::Header(name) => match header_name(name) {
            Ok(_) => Ok(()),
            Err(_) => Err(CaptureError::Header { name: name.clone() }),
        },
    }
}

fn is_pointer(text: &str) -> bool {
    let tilde = |rest: &str| rest.starts_with(['0', '1']);
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(tilde)
}

/// Takes the captured values out of an answer and blanks their places: a header becomes `***` (each,
/// if it came more than once), a string in the body `""`. What is not there, is `null` or is empty
/// captures nothing.
///
/// A body that something was taken from is written anew from its parsed form, so that no other
/// spelling of the value (an escape, a repeated key) is left in it.
///
/// # Errors
///
/// [`CaptureError::NotAString`], [`CaptureError::NotJson`] and [`CaptureError::TooLong`]; the answer must not be shown then.
pub fn take_captures(captures: &[Capture], response: &mut Response) -> Result<Captured, CaptureError> {
    let mut captured = Captured::default();
    take_headers(captures, response, &mut captured);
    take_pointers(captures, response, &mut captured)?;
    Ok(captured)
}

fn take_headers(captures: &[Capture], response: &mut Response, captured: &mut Captured) {
    let mut blank = Vec::new();
    for (index, capture) in captures.iter().enumerate() {
        let CaptureSource::Header(name) = &capture.source else { continue };
        let name = name.to_ascii_lowercase();
        let mut values = response.headers.iter().filter(|(own, value)| *own == name && !value.is_empty());
        if let Some((_, value)) = values.next() {
            captured.values.push((index, Secret::new(value.as_str())));
        }
        captured.dropped.extend(values.map(|(_, value)| Secret::new(value.as_str())));
        blank.push(name);
    }
    for (name, value) in &mut response.headers {
        if blank.contains(name) && !value.is_empty() {
            MASK.clone_into(value);
        }
    }
}

fn take_pointers(
    captures: &[Capture],
    response: &mut Response,
    captured: &mut Captured,
) -> Result<(), CaptureError> {
    let pointers = captures.iter().enumerate().filter_map(|(index, capture)| match &capture.source {
        CaptureSource::JsonPointer(pointer) => Some((index, pointer)),
        CaptureSource::Header(_) => None,
    });
    let pointers: Vec<_> = pointers.collect();
    let Some((_, first)) = pointers.first() else { return Ok(()) };
    if response.body.len() > MAX_BODY_BYTES {
        return Err(CaptureError::TooLong { pointer: (*first).clone() });
    }
    // Some servers begin with a byte order mark, which JSON does not know.
    let text = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    let mut document: Value = match serde_json::from_slice(text) {
        Ok(document) => document,
        // An error page is no place for a token, and the plugin has to see it.
        Err(_) if text.is_empty() || !(200..300).contains(&response.status) => return Ok(()),
        Err(_) => return Err(CaptureError::NotJson { pointer: (*first).clone() }),
    };
    // All are read before any is blanked: two may point at the same.
    for (index, pointer) in &pointers {
        match document.pointer(pointer) {
            None | Some(Value::Null) => {}
            Some(Value::String(value)) if value.is_empty() => {}
            Some(Value::String(value)) => captured.values.push((*index, Secret::new(value.as_str()))),
            Some(_) => return Err(CaptureError::NotAString { pointer: (*pointer).clone() }),
        }
    }
    for (_, pointer) in &pointers {
        if let Some(place @ Value::String(_)) = document.pointer_mut(pointer) {
            *place = Value::String(String::new());
        }
    }
    // Written anew even if nothing was taken: of a repeated key only the last value was looked at.
    response.body = document.to_string().into_bytes();
    Ok(())
}

/// Replaces every known secret in an answer by `***`: in the names and values of headers, and in the
/// body, however it is escaped there. The cost is one pass over the body for each form of a secret.
pub fn redact_response(redactor: &Redactor, response: &mut Response) {
    for (name, value) in &mut response.headers {
        *name = redactor.redact(name).into_owned();
        *value = redactor.redact(value).into_owned();
    }
    if let Cow::Owned(body) = redactor.redact_bytes(&response.body) {
        response.body = body;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pointer(pointer: &str) -> Capture {
        Capture {
            source: CaptureSource::JsonPointer(pointer.to_owned()),
            credential: "token".to_owned(),
            ttl_s: 60,
        }
    }

    fn header(name: &str) -> Capture {
        Capture { source: CaptureSource::Header(name.to_owned()), credential: "token".to_owned(), ttl_s: 60 }
    }

    fn response(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![
                ("x-subject-token".to_owned(), "gAAAAAB-one".to_owned()),
                ("x-subject-token".to_owned(), "gAAAAAB-two".to_owned()),
                ("x-other".to_owned(), "kept".to_owned()),
            ],
            body: body.as_bytes().to_vec(),
        }
    }

    fn values(captured: &Captured) -> Vec<&str> {
        captured.values.iter().map(|(_, secret)| secret.expose()).collect()
    }

    #[test]
    fn a_header_is_taken_and_every_copy_blanked() {
        let mut answer = response(201, "");
        let captured = take_captures(&[header("X-Subject-Token")], &mut answer).unwrap();
        assert_eq!(values(&captured), ["gAAAAAB-one"]);
        assert_eq!(captured.dropped[0].expose(), "gAAAAAB-two");
        let shown: Vec<_> = answer.headers.iter().map(|(_, v)| v.as_str()).collect();
        assert_eq!(shown, ["***", "***", "kept"]);
    }

    #[test]
    fn a_string_is_taken_however_it_is_spelt() {
        let body = r#"{"a":{"b~c/d":"first","b~c/d":"\u0074oken\/1"},"n":[null,"x"]}"#;
        let mut answer = response(200, body);
        let captured = take_captures(&[pointer("/a/b~0c~1d"), pointer("/n/1")], &mut answer).unwrap();
        assert_eq!(values(&captured), ["token/1", "x"]);
        assert_eq!(String::from_utf8(answer.body).unwrap(), r#"{"a":{"b~c/d":""},"n":[null,""]}"#);
    }

    #[test]
    fn two_captures_of_one_place_both_have_it() {
        let mut answer = response(200, r#"{"a":"token"}"#);
        let captured = take_captures(&[pointer("/a"), pointer("/a")], &mut answer).unwrap();
        assert_eq!(values(&captured), ["token", "token"]);
    }

    #[test]
    fn what_is_not_there_captures_nothing() {
        for body in ["{}", r#"{"a":null}"#, r#"{"a":""}"#, "[]", ""] {
            let mut answer = response(200, body);
            assert!(take_captures(&[pointer("/a")], &mut answer).unwrap().values.is_empty(), "{body}");
        }
        let mut answer = response(502, "<html>bad gateway</html>");
        assert!(take_captures(&[pointer("/a"), header("x-none")], &mut answer).unwrap().values.is_empty());
        assert_eq!(answer.body, b"<html>bad gateway</html>");
    }

    #[test]
    fn what_cannot_be_captured_is_not_shown() {
        let take =
            |status, body: &str| take_captures(&[pointer("/a")], &mut response(status, body)).map(|_| ());
        assert!(matches!(take(200, r#"{"a":["token"]}"#), Err(CaptureError::NotAString { .. })));
        assert!(matches!(take(401, r#"{"a":1}"#), Err(CaptureError::NotAString { .. })));
        assert!(matches!(take(200, r#"{"a":"token"} x"#), Err(CaptureError::NotJson { .. })));
        let long = format!(r#"{{"a":"token","b":"{}"}}"#, "x".repeat(MAX_BODY_BYTES));
        assert!(matches!(take(200, &long), Err(CaptureError::TooLong { .. })));
        assert_eq!(take(200, "\u{feff}{\"a\":\"token\"}"), Ok(()));
    }

    #[test]
    fn captures_are_checked_before_anything_is_sent() {
        for good in ["", "/", "/a/0/~0~1"] {
            assert_eq!(check_capture(&pointer(good)), Ok(()), "{good}");
        }
        for bad in ["a", "/~", "/~2", "a/b"] {
            assert!(matches!(check_capture(&pointer(bad)), Err(CaptureError::Pointer { .. })), "{bad}");
        }
        assert!(matches!(check_capture(&header("a b")), Err(CaptureError::Header { .. })));
    }

    #[test]
    fn an_escaped_echo_is_redacted() {
        let redactor = Redactor::new(["hunter22"]);
        let mut answer = response(200, r#"{"\u0068unter22":["a \u0068unter22 b", 1.0], "c": "hunter22"}"#);
        redact_response(&redactor, &mut answer);
        let shown = String::from_utf8(answer.body).unwrap();
        assert_eq!(shown, r#"{"***":["a *** b", 1.0], "c": "***"}"#);
    }

    proptest! {
        #[test]
        fn a_captured_value_does_not_survive(token in "[!-~]{8,30}", escape: bool, key in "[a-z]{1,5}") {
            prop_assume!(!token.contains("***"));
            let spelt = if escape {
                token.bytes().map(|b| format!("\\u{b:04x}")).collect()
            } else {
                crate::redact::escape_json(&token)
            };
            let mut answer = response(200, &format!(r#"{{"{key}":"{spelt}","copy":["{spelt}"]}}"#));
            answer.headers.push(("x-copy".to_owned(), token.clone()));
            let captured = take_captures(&[pointer(&format!("/{key}"))], &mut answer);
            prop_assume!(key != "copy");
            let captured = captured.unwrap();
            prop_assert_eq!(values(&captured), vec![token.as_str()]);
            redact_response(&Redactor::new([token.as_str()]), &mut answer);
            let shown: Value = serde_json::from_slice(&answer.body).unwrap();
            prop_assert_eq!(shown, serde_json::json!({ key: "", "copy": ["***"] }));
            prop_assert!(answer.headers.iter().all(|(_, value)| !value.contains(&token)));
        }

        #[test]
        fn any_pointer_and_any_body_do_not_panic(text in "\\PC{0,20}", body: Vec<u8>) {
            let capture = pointer(&text);
            let _ = check_capture(&capture);
            let mut answer = Response { status: 200, headers: vec![], body };
            let _ = take_captures(&[capture], &mut answer);
        }
    }
}
