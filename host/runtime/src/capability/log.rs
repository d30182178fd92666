//! `skywright:host/log`: lines that are counted, cut, redacted and safe to print.

use crate::bindings::skywright::host::log::{Host, Level};
use crate::guest::Guest;
use crate::session::LogLevel;

impl Host for Guest {
    fn write(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.log.write(level, &message, &fields)
    }
}
