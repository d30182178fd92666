//! What people see of long work: a live line for each step on a terminal, plain lines elsewhere, nothing with
//! `--quiet`. All of it goes to standard error.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use skywright_core::{Report, Step};
use skywright_runtime::printable;

use crate::output::{complain, notice};

/// How often a live line moves.
const TICK: Duration = Duration::from_millis(120);

/// What the core writes of a step that is over.
const DONE: &str = "done";

/// Tells people of progress.
pub(crate) struct Progress {
    style: Style,
    steps: Mutex<BTreeMap<String, Shown>>,
    asking: AtomicBool,
}

enum Style {
    Live(MultiProgress),
    Plain,
    Quiet,
}

/// What is on the screen of a step.
struct Shown {
    bar: Option<ProgressBar>,
    note: String,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        let style = if quiet {
            Style::Quiet
        } else if std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        {
            Style::Live(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()))
        } else {
            Style::Plain
        };
        Self { style, steps: Mutex::default(), asking: AtomicBool::new(false) }
    }

    /// Takes the live lines off the screen.
    pub(crate) fn clear(&self) {
        self.lock().clear();
        if let Style::Live(bars) = &self.style {
            let _ = bars.clear();
        }
        if self.asking.swap(false, Ordering::Relaxed) {
            complain("");
        }
    }

    /// Keeps the screen still for a question.
    pub(crate) fn pause(&self) {
        self.asking.store(true, Ordering::Relaxed);
        if let Style::Live(bars) = &self.style {
            let _ = bars.clear();
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// The question was answered.
    pub(crate) fn go_on(&self) {
        self.asking.store(false, Ordering::Relaxed);
        if let Style::Live(bars) = &self.style {
            bars.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Shown>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, bars: &MultiProgress, title: String, note: String) {
        let mut steps = self.lock();
        if note == DONE {
            if let Some(bar) = steps.remove(&title).and_then(|shown| shown.bar) {
                bar.finish_and_clear();
                bars.remove(&bar);
            }
            bars.suspend(|| complain(&format!("{title}: {note}")));
            return;
        }
        let shown = steps.entry(title.clone()).or_insert_with(|| Shown { bar: None, note: String::new() });
        let bar = shown.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(format!("{title}: {note}"));
        shown.note = note;
    }
}

impl Report for Progress {
    fn step(&self, step: &Step<'_>) {
        let (title, note) = (printable(step.title), printable(step.note));
        match &self.style {
            Style::Live(bars) => self.show(bars, title, note),
            Style::Plain => {
                let mut steps = self.lock();
                let known = steps.insert(title.clone(), Shown { bar: None, note: note.clone() });
                // Many polls say the same.
                if known.is_none_or(|known| known.note != note) {
                    complain(&format!("{title}: {note}"));
                }
            }
            Style::Quiet => {}
        }
    }

    fn notice(&self, text: &str) {
        match &self.style {
            Style::Live(bars) => bars.suspend(|| notice(text)),
            Style::Plain | Style::Quiet => notice(text),
        }
    }
}
