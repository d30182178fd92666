//! Lines in the host's log: `log::info!("4 zones"; region = "RegionOne")`.

pub use crate::bindings::host::skywright::host::log::Level;
use crate::host;

pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};

/// Writes one line. The macros beside are shorter.
pub fn write(level: Level, message: &str, fields: &[(String, String)]) {
    host::write(level, message, fields);
}

/// From now on a panic is written to the log before it traps.
///
/// [`provider!`](crate::provider) sees to it.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| write(Level::Error, &panic.to_string(), &[])));
}

/// Writes a line at a level: a format string and its arguments, then fields after a semicolon.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $format:literal $(, $argument:expr)* $(; $($key:ident = $value:expr),+ $(,)?)?) => {
        $crate::log::write(
            $crate::log::Level::$level,
            &::std::format!($format $(, $argument)*),
            &[$($((::std::stringify!($key).to_owned(), ($value).to_string())),+)?],
        )
    };
}

/// A line of detail for whoever writes the plugin.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($line:tt)+) => { $crate::__log!(Trace, $($line)+) };
}

/// A line for whoever looks for a defect.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) };
}

/// A line for whoever watches.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($line:tt)+) => { $crate::__log!(Info, $($line)+) };
}

/// Something that the operator should change.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) };
}

/// Something that failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($line:tt)+) => { $crate::__log!(Error, $($line)+) };
}
