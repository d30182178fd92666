//! Bodies of answers: decoded while they come, and never larger than the limit.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than the limit, coded or decoded.
    TooLarge,
    /// It is coded in a way that the host does not undo, and so cannot look into.
    Coding(String),
    /// It is no gzip, or ends too early.
    Broken,
}

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

impl Coding {
    /// Reads the values of `content-encoding`.
    pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, BodyError> {
        let codings: Vec<_> = values
            .flat_map(|value| value.split(','))
            .map(|coding| coding.trim().to_ascii_lowercase())
            // `aws-chunked` says how an object was once uploaded, and nothing of this answer.
            .filter(|coding| !matches!(coding.as_str(), "" | "identity" | "aws-chunked"))
            .collect();
        match codings.as_slice() {
            [] => Ok(Self::Identity),
            [one] if matches!(one.as_str(), "gzip" | "x-gzip") => Ok(Self::Gzip),
            _ => Err(BodyError::Coding(codings.join(", ").chars().take(60).collect())),
        }
    }
}

/// Collects a body.
pub(crate) struct BodyReader {
    decoder: Decoder,
    received: usize,
    limit: usize,
}

enum Decoder {
    Identity(Capped),
    Gzip(Box<MultiGzDecoder<Capped>>),
    /// Nothing has come yet, and nothing may.
    Unknown(BodyError),
}

impl BodyReader {
    pub(crate) fn new(coding: Result<Coding, BodyError>, limit: usize) -> Self {
        let out = Capped { out: Vec::new(), limit, full: false };
        let decoder = match coding {
            Ok(Coding::Identity) => Decoder::Identity(out),
            Ok(Coding::Gzip) => Decoder::Gzip(Box::new(MultiGzDecoder::new(out))),
            Err(error) => Decoder::Unknown(error),
        };
        Self { decoder, received: 0, limit }
    }

    pub(crate) fn push(&mut self, chunk: &Bytes) -> Result<(), BodyError> {
        if chunk.is_empty() {
            return Ok(());
        }
        // Coded bytes count too: gzip has members that decode to nothing.
        self.received = self.received.saturating_add(chunk.len());
        if self.received > self.limit {
            return Err(BodyError::TooLarge);
        }
        match &mut self.decoder {
            Decoder::Identity(out) => out.write_all(chunk).map_err(|_| BodyError::TooLarge),
            Decoder::Gzip(decoder) => decoder.write_all(chunk).map_err(|_| gzip_error(decoder.get_ref())),
            Decoder::Unknown(error) => Err(std::mem::replace(error, BodyError::Broken)),
        }
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, BodyError> {
        match self.decoder {
            Decoder::Identity(out) => Ok(out.out),
            // An answer without a body may still name a coding.
            Decoder::Unknown(_) => Ok(Vec::new()),
            Decoder::Gzip(_) if self.received == 0 => Ok(Vec::new()),
            Decoder::Gzip(mut decoder) => match decoder.try_finish() {
                Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().out)),
                Err(_) => Err(gzip_error(decoder.get_ref())),
            },
        }
    }
}

fn gzip_error(out: &Capped) -> BodyError {
    if out.full { BodyError::TooLarge } else { BodyError::Broken }
}

/// Takes bytes up to a limit.
struct Capped {
    out: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.out.len().saturating_add(bytes.len()) > self.limit {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &str, body: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut reader = BodyReader::new(Coding::parse([encoding].into_iter()), limit);
        for chunk in body.chunks(1000) {
            reader.push(&Bytes::copy_from_slice(chunk))?;
        }
        reader.finish()
    }

    #[test]
    fn gzip_is_undone_and_other_codings_refused() {
        assert_eq!(read("gzip", &gzip(b"hello"), 100).unwrap(), b"hello");
        assert_eq!(read("X-GZIP", &gzip(b"hello"), 100).unwrap(), b"hello");
        assert_eq!(read("identity, aws-chunked", b"hello", 100).unwrap(), b"hello");
        assert!(matches!(read("br", b"x", 100), Err(BodyError::Coding(_))));
        assert!(matches!(read("gzip, gzip", b"x", 100), Err(BodyError::Coding(_))));
        assert_eq!(read("br", b"", 100).unwrap(), b"");
        assert_eq!(read("gzip", b"", 100).unwrap(), b"");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 10 << 20]);
        assert!(bomb.len() < 20 << 10);
        assert!(matches!(read("gzip", &bomb, 1 << 20), Err(BodyError::TooLarge)));
        assert_eq!(read("gzip", &bomb, 10 << 20).unwrap().len(), 10 << 20);
        let nothings = gzip(b"").repeat(1000);
        assert!(matches!(read("gzip", &nothings, 1000), Err(BodyError::TooLarge)));
    }

    #[test]
    fn the_limit_is_exact() {
        assert_eq!(read("", &[1; 100], 100).unwrap().len(), 100);
        assert!(matches!(read("", &[1; 101], 100), Err(BodyError::TooLarge)));
    }

    #[test]
    fn half_a_body_is_none() {
        let whole = gzip(b"hello hello hello");
        assert!(matches!(read("gzip", &whole[..whole.len() - 6], 100), Err(BodyError::Broken)));
        assert!(matches!(read("gzip", b"plain text", 100), Err(BodyError::Broken)));
    }

    proptest! {
        #[test]
        fn any_bytes_stay_within_the_limit(body: Vec<u8>) {
            if let Ok(decoded) = read("gzip", &body, 64) {
                prop_assert!(decoded.len() <= 64);
            }
        }
    }
}
