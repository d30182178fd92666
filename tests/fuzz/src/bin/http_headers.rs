//! What a guest and a server write into an exchange: headers, texts with secrets, endpoint patterns,
//! `Retry-After`, captures.
#![no_main]

use std::time::UNIX_EPOCH;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use skywright_egress::{
    Capture, CaptureSource, EndpointPattern, Part, Redactor, Response, Secret, Text, expand, header_name,
    header_value, parse_retry_after, take_captures,
};
use url::Url;

/// The longest text that is filled in here, in bytes.
const LIMIT: usize = 4096;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Header {
        name: &'a str,
        value: Vec<Piece<'a>>,
        secret: &'a str,
    },
    Pattern {
        pattern: &'a str,
        url: &'a str,
    },
    RetryAfter(&'a str),
    Redact {
        secret: &'a str,
        text: &'a str,
    },
    Captures {
        pointer: &'a str,
        header: &'a str,
        status: u16,
        headers: Vec<(&'a str, &'a str)>,
        body: &'a [u8],
    },
}

#[derive(Debug, Arbitrary)]
enum Piece<'a> {
    Plain(&'a str),
    Secret,
    Json,
    Form,
    Basic(&'a str),
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Header { name, value, secret } => header(name, &value, secret),
        Input::Pattern { pattern, url } => endpoint(pattern, url),
        Input::RetryAfter(value) => drop(parse_retry_after(value, UNIX_EPOCH)),
        Input::Redact { secret, text } => redact(secret, text),
        Input::Captures { pointer, header, status, headers, body } => {
            captures(pointer, header, status, &headers, body)
        }
    }
});

/// No value, plain or secret, begins another header.
fn header(name: &str, value: &[Piece<'_>], secret: &str) {
    let part = |piece: &Piece<'_>| match piece {
        Piece::Plain(text) => Part::Plain((*text).to_owned()),
        Piece::Secret => Part::Secret("s".to_owned()),
        Piece::Json => Part::SecretJson("s".to_owned()),
        Piece::Form => Part::SecretForm("s".to_owned()),
        Piece::Basic(user) => Part::SecretBasic((*user).to_owned(), "s".to_owned()),
    };
    let text = Text(value.iter().map(part).collect());
    let Ok(bytes) = expand::<()>(&text, LIMIT, |_| Ok(Secret::new(secret))) else { return };
    assert!(bytes.len() <= LIMIT);
    let Ok(name) = header_name(name) else { return };
    if let Ok(value) = header_value(&name, &bytes, true) {
        assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)));
        assert!(value.is_sensitive());
    }
}

/// A pattern's normal form is the pattern, and it matches no URL with a user name.
fn endpoint(pattern: &str, url: &str) {
    let Ok(pattern) = pattern.parse::<EndpointPattern>() else { return };
    assert_eq!(pattern.to_string().parse::<EndpointPattern>().as_ref(), Ok(&pattern));
    if let Ok(url) = Url::parse(url)
        && pattern.matches(&url)
    {
        assert!(url.username().is_empty() && url.password().is_none(), "{pattern} matched {url}");
        assert!(matches!(url.scheme(), "http" | "https"), "{pattern} matched {url}");
    }
}

/// A secret that counts as one is not in what is shown.
fn redact(secret: &str, text: &str) {
    let redactor = Redactor::new([secret]);
    let text = format!("{text}{secret}{text}");
    let shown = redactor.redact(&text);
    // The mask itself may be like a secret of asterisks.
    if secret.len() >= 12 && !secret.contains('*') {
        assert!(!shown.contains(secret), "{secret:?} is in {shown:?}");
    }
    let _ = redactor.redact_bytes(text.as_bytes());
}

fn captures(pointer: &str, header: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) {
    let capture = |source| Capture { source, credential: "token".to_owned(), ttl_s: 60 };
    let wanted = [
        capture(CaptureSource::JsonPointer(pointer.to_owned())),
        capture(CaptureSource::Header(header.to_owned())),
    ];
    let headers =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect();
    let mut response = Response { status, headers, body: body.to_vec() };
    let _ = take_captures(&wanted, &mut response);
}
