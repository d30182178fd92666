//! Ctrl-C and SIGTERM while a change is under way: the change is taken back.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::exit;
use crate::output::complain;
use crate::progress::Progress;
use crate::question;
use skywright_core::Report as _;

/// Listens for as long as it lives.
pub(crate) struct Stop {
    token: CancellationToken,
    listener: JoinHandle<()>,
}

impl Stop {
    /// Listens from now on. On a terminal the first Ctrl-C asks, and a second one is a yes; SIGTERM never asks.
    pub(crate) fn listen(progress: Arc<Progress>) -> Result<Self, Error> {
        let signals = Signals {
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Start)?,
            terminate: signal(SignalKind::terminate()).map_err(Error::Start)?,
        };
        let token = CancellationToken::new();
        let listener = tokio::spawn(listen(signals, token.clone(), progress));
        Ok(Self { token, listener })
    }

    /// Triggered when the work shall be taken back.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Which of the two came.
#[derive(PartialEq, Eq)]
enum Came {
    Interrupt,
    Terminate,
}

impl Signals {
    async fn next(&mut self) -> Came {
        tokio::select! {
            _ = self.interrupt.recv() => Came::Interrupt,
            _ = self.terminate.recv() => Came::Terminate,
        }
    }
}

async fn listen(mut signals: Signals, token: CancellationToken, progress: Arc<Progress>) {
    while signals.next().await == Came::Interrupt && question::somebody_is_there() {
        if is_meant(&mut signals, &progress).await {
            break;
        }
    }
    // What was under way is not waited for any more.
    progress.clear();
    token.cancel();
    signals.next().await;
    progress.notice("it is being taken back; another Ctrl-C leaves that to the next command");
    signals.next().await;
    // The journal says how far it is.
    std::process::exit(exit::CANCELLED.into());
}

/// Asks once; the work goes on meanwhile.
async fn is_meant(signals: &mut Signals, progress: &Progress) -> bool {
    progress.pause();
    let answer = question::ask_aside("\nstop and undo?");
    let meant = tokio::select! {
        answer = answer => answer.unwrap_or(false),
        _ = signals.next() => {
            complain("");
            true
        }
    };
    progress.go_on();
    meant
}
