//! What is printed. A closed standard output is no reason to stop half-way, with a rig running.

use std::io::{Write as _, stderr, stdout};

use crate::error::Error;

pub(crate) fn line(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

/// Of what is going on; not the command's result.
pub(crate) fn note(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

pub(crate) fn error(error: &Error) {
    note(&format!("error: {error}"));
    if let Some(hint) = error.hint() {
        note(&format!("hint: {hint}"));
    }
}
