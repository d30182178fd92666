//! What is printed. A closed standard output is no reason to stop half-way, with a rig running.

use std::io::{Write as _, stderr, stdout};

use crate::error::Error;

pub(crate) fn line(text: &str) {
    if cfg!(test) {
        // The harness keeps what comes this way: what tests print is no result of theirs.
        captured(text);
    } else {
        let _ = writeln!(stdout(), "{text}");
    }
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

#[expect(clippy::print_stdout, reason = "nothing else is kept by the test harness")]
fn captured(text: &str) {
    println!("{text}");
}
