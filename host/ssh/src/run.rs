//! Running a command, and what comes of it.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelWriteHalf, Sig};
use tokio::io::AsyncReadExt;

use crate::command::{Command, Composed, Stdin};
use crate::connection::Connection;
use crate::error::Error;
use crate::link::Session;
use crate::output::{Output, Sink, Stream};
use crate::process::Process;

/// How long after the time limit the machine has to end the command by itself: five seconds until it sends
/// SIGKILL, and some for the news of it.
const ENDING: Duration = Duration::from_secs(8);

/// What `timeout` exits with when it had to end the command, by SIGTERM or by SIGKILL.
const ENDED_BY_TIMEOUT: [u32; 2] = [124, 137];

/// The size of a piece of input.
const PIECE_BYTES: usize = 32 << 10;

/// How a remote process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself.
    Code(u32),
    /// By a signal.
    Signal {
        /// Its name without `SIG`, such as `KILL`.
        name: String,
        /// Whether it left a core dump.
        core_dumped: bool,
    },
}

impl ExitStatus {
    /// Whether it is 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal { name, .. } => write!(f, "SIG{}", crate::text::printable(name)),
        }
    }
}

/// A command that ran to its end, well or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed, unless a callback took it.
    pub output: Output,
    /// From when it was sent until its end was known.
    pub elapsed: Duration,
}

impl Connection {
    /// Runs a command to its end. An exit status other than 0 is no error.
    ///
    /// Dropping the future ends the remote process and its process group, in the background: SIGTERM, and
    /// SIGKILL three seconds later. [`Client::settle`](crate::Client::settle) waits for that.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a command that cannot be sent; [`Error::Timeout`], with what was printed until
    /// then; [`Error::Lost`] if the connection ended after the command had been sent: it may have run, and may
    /// still run. Any of [`Client::connect`](crate::Client::connect)'s if a new connection is needed: then
    /// nothing has run.
    pub async fn run(&self, command: Command) -> Result<Finished, Error> {
        let composed = command.compose()?;
        let session = self.session().await?;
        let run = Run::start(session, &composed, command.timeout, command.sudo, command.sink).await?;
        run.finish(command.stdin, composed).await
    }
}

/// A command that was sent.
struct Run {
    process: Process,
    started: Instant,
    limit: Option<Duration>,
    sink: Sink,
    output: Output,
    status: Option<ExitStatus>,
}

/// What came on the channel.
enum Event {
    More,
    Refused,
    Closed,
}

impl Run {
    async fn start(
        session: Session,
        composed: &Composed,
        limit: Option<Duration>,
        is_root: bool,
        sink: Sink,
    ) -> Result<Self, Error> {
        let mut process = Process::new(session);
        process.is_root = is_root;
        if process.write().exec(true, composed.line.as_str()).await.is_err() {
            return Err(Error::unreachable(process.link().hop(), "the connection was closed"));
        }
        Ok(Self { process, started: Instant::now(), limit, sink, output: Output::default(), status: None })
    }

    async fn finish(mut self, stdin: Stdin, composed: Composed) -> Result<Finished, Error> {
        let mut over = std::pin::pin!(overdue(self.limit));
        let write = self.process.write();
        let mut feeding = std::pin::pin!(feed(&write, composed.prelude, stdin));
        let mut fed = false;
        loop {
            tokio::select! {
                message = self.process.next() => match self.take(message) {
                    Event::More => (),
                    Event::Refused => {
                        return Err(Error::Refused { hop: self.process.hop(), what: "to run a command" });
                    }
                    Event::Closed => return self.closed(),
                },
                () = &mut feeding, if !fed => fed = true,
                () = &mut over => return self.overdue(),
            }
        }
    }

    fn take(&mut self, message: Option<ChannelMsg>) -> Event {
        match message {
            Some(ChannelMsg::Data { data }) => self.sink.take(&mut self.output, Stream::Stdout, &data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => {
                let own = self.process.marker.push(&data);
                self.sink.take(&mut self.output, Stream::Stderr, &own);
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => self.status = Some(ExitStatus::Code(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name: signal, core_dumped, .. }) => {
                self.status = Some(ExitStatus::Signal { name: signal_name(&signal), core_dumped });
            }
            Some(ChannelMsg::Failure) => return Event::Refused,
            Some(ChannelMsg::Close) | None => return Event::Closed,
            Some(_) => (),
        }
        Event::More
    }

    /// The channel is closed: what is known now is all.
    fn closed(mut self) -> Result<Finished, Error> {
        self.process.set_ended();
        let rest = self.process.rest();
        self.sink.take(&mut self.output, Stream::Stderr, &rest);
        let elapsed = self.started.elapsed();
        let Some(status) = self.status else {
            let output = Some(Box::new(self.output));
            return Err(match self.process.link().is_lost() {
                true => with_output(self.process.link().loss(), output),
                false => Error::Lost {
                    hop: self.process.hop(),
                    reason: "the server ended the session and gave no exit status".to_owned(),
                    output,
                },
            });
        };
        if let Some(limit) = self.limit
            && elapsed >= limit
            && matches!(status, ExitStatus::Code(code) if ENDED_BY_TIMEOUT.contains(&code))
        {
            let output = Some(Box::new(self.output));
            return Err(Error::Timeout { hop: self.process.hop(), limit, ended: true, output });
        }
        Ok(Finished { status, output: self.output, elapsed })
    }

    /// The machine has not ended it in time.
    fn overdue(mut self) -> Result<Finished, Error> {
        if self.status.is_some() {
            // It has ended, but something that it started keeps the output open.
            return self.closed();
        }
        self.process.end();
        let limit = self.limit.unwrap_or_default();
        Err(Error::Timeout {
            hop: self.process.hop(),
            limit,
            ended: false,
            output: Some(Box::new(self.output)),
        })
    }
}

fn with_output(error: Error, output: Option<Box<Output>>) -> Error {
    match error {
        Error::Lost { hop, reason, .. } => Error::Lost { hop, reason, output },
        other => other,
    }
}

/// Waits until the command should have been ended.
async fn overdue(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit + ENDING).await,
        None => std::future::pending().await,
    }
}

/// Sends the input, and that it is over. Errors are not told: the end of the channel says what happened.
async fn feed(write: &ChannelWriteHalf<Msg>, prelude: Bytes, stdin: Stdin) {
    let _ = write.data_bytes(prelude).await;
    match stdin {
        Stdin::Empty => (),
        Stdin::Bytes(bytes) => {
            let _ = write.data_bytes(bytes).await;
        }
        Stdin::Reader(mut reader) => loop {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES);
            match reader.read_buf(&mut piece).await {
                Ok(count) if count > 0 => (),
                _ => break,
            }
            if write.data_bytes(piece.freeze()).await.is_err() {
                return;
            }
        },
    }
    let _ = write.eof().await;
}

/// The signal's name without `SIG`.
pub(crate) fn signal_name(signal: &Sig) -> String {
    match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) => return name.clone(),
    }
    .to_owned()
}
