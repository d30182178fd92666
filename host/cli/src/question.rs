//! Questions to whoever sits at the terminal.

use std::io::{IsTerminal, Write};

use tokio::sync::oneshot;

use crate::error::Error;

/// Whether there is somebody to answer.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks before something is destroyed. `--yes` is the answer of whoever wrote it; without it and without a
/// terminal there is no answer, and nothing is done.
///
/// # Errors
///
/// [`Error::Declined`], and [`Error::Unasked`] if nobody is there to answer.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if !somebody_is_there() {
        return Err(Error::Unasked { question: question.to_owned() });
    }
    prompt(question);
    if read_yes() { Ok(()) } else { Err(Error::Declined) }
}

/// Asks while other work goes on. Nobody waits for the thread that reads: it ends with the process.
pub(crate) fn ask_aside(question: &str) -> oneshot::Receiver<bool> {
    prompt(question);
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || sender.send(read_yes()));
    receiver
}

fn prompt(question: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
}

/// Everything but a clear yes is a no.
fn read_yes() -> bool {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).is_ok() && means_yes(&line)
}

fn means_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::means_yes;

    #[test]
    fn only_a_clear_yes_is_one() {
        for line in ["y\n", "Y", " yes \n", "YES"] {
            assert!(means_yes(line), "{line:?}");
        }
        for line in ["", "\n", "n\n", "yo", "yes please", "да"] {
            assert!(!means_yes(line), "{line:?}");
        }
    }
}
