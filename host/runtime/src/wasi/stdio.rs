//! Standard output and standard error of a WASI guest, as log lines.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::logbook::Logbook;
use crate::session::LogLevel;

/// Each line written becomes a log line, under the same budget.
#[derive(Clone)]
pub(super) struct LogStream {
    log: Arc<Logbook>,
    level: LogLevel,
}

impl LogStream {
    pub(super) fn new(log: Arc<Logbook>, level: LogLevel) -> Self {
        Self { log, level }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // For WASI 0.3, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { to: self.clone(), partial: Vec::new() })
    }
}

/// Collects bytes until a line is whole.
struct Lines {
    to: LogStream,
    partial: Vec<u8>,
}

impl Lines {
    /// A line longer than this is passed on in pieces.
    const LONGEST: usize = 4 << 10;

    fn pass_on(&self, line: &[u8]) -> StreamResult<()> {
        let line = String::from_utf8_lossy(line);
        self.to.log.write(self.to.level, line.trim_end_matches('\r'), &[]).map_err(StreamError::Trap)
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut rest = bytes.as_ref();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&rest[..end]);
            let line = std::mem::take(&mut self.partial);
            self.pass_on(&line)?;
            rest = &rest[end + 1..];
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > Self::LONGEST {
            let line = std::mem::take(&mut self.partial);
            self.pass_on(&line)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.partial.is_empty() {
            // Too late to stop the guest for its log budget; the line is then lost.
            let _ = self.pass_on(&self.partial);
        }
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}
