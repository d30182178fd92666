//! What a command prints, kept within bounds.

use std::collections::VecDeque;

/// How much of each of a command's outputs is kept: its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepLimit {
    /// Bytes of the beginning.
    pub head_bytes: usize,
    /// Bytes of the end.
    pub tail_bytes: usize,
}

impl Default for KeepLimit {
    /// 64 KiB of each.
    fn default() -> Self {
        Self { head_bytes: 64 << 10, tail_bytes: 64 << 10 }
    }
}

/// The beginning and the end of what a command printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total_bytes: u64,
}

impl Kept {
    pub(crate) fn push(&mut self, mut data: &[u8], limit: KeepLimit) {
        self.total_bytes = self.total_bytes.saturating_add(data.len() as u64);
        let room = limit.head_bytes.saturating_sub(self.head.len()).min(data.len());
        let (head, rest) = data.split_at(room);
        self.head.extend_from_slice(head);
        data = rest.get(rest.len().saturating_sub(limit.tail_bytes)..).unwrap_or_default();
        let surplus = (self.tail.len() + data.len()).saturating_sub(limit.tail_bytes);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(data);
    }

    /// How much was printed.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How much of it is missing, between the beginning and the end.
    #[must_use]
    pub fn omitted_bytes(&self) -> u64 {
        self.total_bytes - (self.head.len() + self.tail.len()) as u64
    }

    /// The beginning: everything if nothing was omitted and [`tail`](Self::tail) is empty.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The end, without what is in the beginning already.
    #[must_use]
    pub fn tail(&self) -> Vec<u8> {
        self.tail.iter().copied().collect()
    }

    /// What is kept, with nothing in the place of what is not.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes.extend(&self.tail);
        bytes
    }

    /// What is kept as text, and a line in between that says how much is not. Foreign bytes: control
    /// characters are in it.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.omitted_bytes() == 0 {
            return String::from_utf8_lossy(&self.to_bytes()).into_owned();
        }
        format!(
            "{}\n[{} bytes omitted]\n{}",
            String::from_utf8_lossy(&self.head),
            self.omitted_bytes(),
            String::from_utf8_lossy(&self.tail())
        )
    }
}

/// What a command printed. Empty where it went to a callback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its standard output.
    pub stdout: Kept,
    /// Its standard error.
    pub stderr: Kept,
}

/// Which of a command's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

/// Where a command's output goes as it comes. It should not block: nothing else is read meanwhile.
pub type OutputCallback = Box<dyn FnMut(Stream, &[u8]) + Send>;

/// What to do with a command's output.
pub(crate) enum Sink {
    Keep(KeepLimit),
    Stream(OutputCallback),
}

impl Sink {
    pub(crate) fn take(&mut self, output: &mut Output, stream: Stream, data: &[u8]) {
        match self {
            _ if data.is_empty() => (),
            Self::Stream(callback) => callback(stream, data),
            Self::Keep(limit) => match stream {
                Stream::Stdout => output.stdout.push(data, *limit),
                Stream::Stderr => output.stderr.push(data, *limit),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_cut() {
        let limit = KeepLimit { head_bytes: 3, tail_bytes: 2 };
        let mut kept = Kept::default();
        for piece in ["ab", "cdef", "", "ghij"] {
            kept.push(piece.as_bytes(), limit);
        }
        assert_eq!((kept.head(), kept.tail().as_slice()), (&b"abc"[..], &b"ij"[..]));
        assert_eq!((kept.total_bytes(), kept.omitted_bytes()), (10, 5));
        assert_eq!(kept.to_text(), "abc\n[5 bytes omitted]\nij");
    }

    proptest::proptest! {
        #[test]
        fn head_and_tail_are_the_ends(
            pieces in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..40), 0..20),
            head_bytes in 0usize..50, tail_bytes in 0usize..50,
        ) {
            let all: Vec<u8> = pieces.concat();
            let mut kept = Kept::default();
            for piece in &pieces {
                kept.push(piece, KeepLimit { head_bytes, tail_bytes });
            }
            let head = head_bytes.min(all.len());
            let tail = tail_bytes.min(all.len() - head);
            assert_eq!(kept.head(), &all[..head]);
            assert_eq!(kept.tail(), &all[all.len() - tail..]);
            assert_eq!(kept.total_bytes() - kept.omitted_bytes(), (head + tail) as u64);
        }
    }
}
