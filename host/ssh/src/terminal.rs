//! A session that a person sits at.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Pty};
use rustix::termios::{
    OptionalActions, SpecialCodeIndex, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::connection::Connection;
use crate::error::Error;
use crate::escape::{Escape, Typed};
use crate::process::Process;
use crate::run::{ExitStatus, signal_name};

/// What is read from the keyboard at once.
const INPUT_BYTES: usize = 16 << 10;

/// The terminal that somebody sits at.
pub struct Terminal {
    device: File,
    // Named for pipes, they wait for any file that can be waited for.
    keyboard: Receiver,
    screen: Sender,
}

impl Terminal {
    /// The process's own terminal.
    ///
    /// # Errors
    ///
    /// [`Error::Terminal`] if it has none.
    pub fn open() -> Result<Self, Error> {
        Self::open_device("/dev/tty")
    }

    /// A terminal by its device.
    ///
    /// # Errors
    ///
    /// [`Error::Terminal`] if it is none.
    pub fn open_device(path: impl AsRef<Path>) -> Result<Self, Error> {
        // Opened anew, so that not to block is not set for whoever else has it open.
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        let opened =
            OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path);
        let device = opened.map_err(Error::Terminal)?;
        tcgetattr(&device).map_err(|error| Error::Terminal(error.into()))?;
        let watch = || -> io::Result<(Receiver, Sender)> {
            let keyboard = Receiver::from_file_unchecked(device.try_clone()?)?;
            Ok((keyboard, Sender::from_file_unchecked(device.try_clone()?)?))
        };
        let (keyboard, screen) = watch().map_err(Error::Terminal)?;
        Ok(Self { device, keyboard, screen })
    }

    fn size(&self) -> Winsize {
        let unknown = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        match tcgetwinsize(&self.device) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => size,
            _ => unknown,
        }
    }

    async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.keyboard.readable().await?;
            match self.keyboard.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                done => return done,
            }
        }
    }

    async fn write_all(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            self.screen.writable().await?;
            match self.screen.try_write(data) {
                Ok(count) => data = data.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The terminal passes everything through for as long as this lives, and is then as it was: also after a panic,
/// and when the future is dropped.
struct Raw<'a> {
    device: &'a File,
    before: Termios,
}

impl<'a> Raw<'a> {
    fn new(device: &'a File) -> io::Result<Self> {
        let before = tcgetattr(device)?;
        let mut raw = before.clone();
        raw.make_raw();
        // What was typed ahead is kept.
        tcsetattr(device, OptionalActions::Now, &raw)?;
        Ok(Self { device, before })
    }

    /// What the remote terminal is to be like. It has sensible settings of its own for the rest.
    fn modes(&self) -> Vec<(Pty, u32)> {
        let code = |index| u32::from(self.before.special_codes[index]);
        vec![
            (Pty::VINTR, code(SpecialCodeIndex::VINTR)),
            (Pty::VERASE, code(SpecialCodeIndex::VERASE)),
            (Pty::VEOF, code(SpecialCodeIndex::VEOF)),
            (Pty::VSUSP, code(SpecialCodeIndex::VSUSP)),
            (Pty::IUTF8, 1),
            (Pty::ECHO, 1),
            (Pty::TTY_OP_ISPEED, 38400),
            (Pty::TTY_OP_OSPEED, 38400),
        ]
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // At once: a screen that is stopped would hold it up otherwise.
        let _ = tcsetattr(self.device.as_fd(), OptionalActions::Now, &self.before);
    }
}

impl Connection {
    /// Runs the user's shell, or a line for it, at a terminal of its own, to which this one is passed through:
    /// keys, window size and all. `~.` at the beginning of a line hangs up, as in OpenSSH, and `~~` is a tilde.
    ///
    /// `terminal_type` is `TERM`'s value. This machine's terminal is as it was when the future has ended, however
    /// it did; SIGINT, SIGTERM and SIGHUP to this process end it.
    ///
    /// # Errors
    ///
    /// [`Error::Terminal`], [`Error::Interrupted`]; [`Error::Refused`] if the machine gives no terminal;
    /// [`Error::Lost`]; any of [`Client::connect`](crate::Client::connect)'s.
    pub async fn interactive(
        &self,
        line: Option<&str>,
        terminal_type: &str,
        terminal: &Terminal,
    ) -> Result<ExitStatus, Error> {
        let mut process = Process::new(self.session().await?);
        let mut read = process.read.take();
        let raw = Raw::new(&terminal.device).map_err(Error::Terminal)?;
        let write = process.write();
        if ask(&write, line, terminal_type, terminal.size(), &raw.modes()).await.is_err() {
            return Err(Error::unreachable(process.link().hop(), "the connection was closed"));
        }
        let mut shown = Shown { status: None, answers: 0 };
        let status = tokio::select! {
            result = shown.show(read.as_mut(), terminal) => {
                result?;
                process.set_ended();
                shown.status
            }
            result = type_in(&write, terminal) => {
                // Hung up: the process there gets SIGHUP with the end of its terminal.
                process.hang_up().await;
                result?;
                return Err(Error::Interrupted);
            }
            result = resize(&write, terminal) => return Err(result),
            result = interrupted() => {
                process.hang_up().await;
                return Err(result);
            }
        };
        match status {
            Some(status) => Ok(status),
            None if process.link().is_lost() => Err(process.link().loss()),
            None => Err(Error::Refused { hop: process.hop(), what: "a terminal" }),
        }
    }
}

async fn ask(
    write: &ChannelWriteHalf<Msg>,
    line: Option<&str>,
    terminal_type: &str,
    size: Winsize,
    modes: &[(Pty, u32)],
) -> Result<(), russh::Error> {
    let (columns, rows) = (u32::from(size.ws_col), u32::from(size.ws_row));
    write.request_pty(true, terminal_type, columns, rows, 0, 0, modes).await?;
    match line {
        Some(line) => write.exec(true, line).await,
        None => write.request_shell(true).await,
    }
}

/// What came from the other side.
struct Shown {
    status: Option<ExitStatus>,
    /// Requests that were granted: the terminal and the shell.
    answers: u8,
}

impl Shown {
    /// Shows what comes until the channel is closed.
    async fn show(&mut self, read: Option<&mut ChannelReadHalf>, terminal: &Terminal) -> Result<(), Error> {
        let Some(read) = read else { return Ok(()) };
        loop {
            match read.wait().await {
                Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                    terminal.write_all(&data).await.map_err(Error::Terminal)?;
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    self.status = Some(ExitStatus::Code(exit_status))
                }
                Some(ChannelMsg::ExitSignal { signal_name: name, core_dumped, .. }) => {
                    self.status = Some(ExitStatus::Signal { name: signal_name(&name), core_dumped });
                }
                Some(ChannelMsg::Success) => self.answers = self.answers.saturating_add(1),
                Some(ChannelMsg::Failure) if self.answers < 2 => return Ok(()),
                Some(ChannelMsg::Close) | None => return Ok(()),
                Some(_) => (),
            }
        }
    }
}

/// Sends what is typed, until somebody hangs up.
async fn type_in(write: &ChannelWriteHalf<Msg>, terminal: &Terminal) -> Result<(), Error> {
    let mut escape = Escape::default();
    let mut buffer = vec![0; INPUT_BYTES];
    loop {
        let count = match terminal.read(&mut buffer).await {
            // The terminal is gone.
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) => return Err(Error::Terminal(error)),
        };
        match escape.filter(buffer.get(..count).unwrap_or_default()) {
            Typed::Keys(keys) => {
                if write.data_bytes(Bytes::from(keys)).await.is_err() {
                    // What comes from the other side says why.
                    return std::future::pending().await;
                }
            }
            Typed::HangUp => return Ok(()),
        }
    }
}

/// Tells each new size of the window.
async fn resize(write: &ChannelWriteHalf<Msg>, terminal: &Terminal) -> Error {
    let mut changes = match signal(SignalKind::window_change()) {
        Ok(changes) => changes,
        Err(error) => return Error::Terminal(error),
    };
    loop {
        if changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        let size = terminal.size();
        let _ = write.window_change(u32::from(size.ws_col), u32::from(size.ws_row), 0, 0).await;
    }
}

/// Waits for a signal that ends the process.
async fn interrupted() -> Error {
    let listen = || -> io::Result<[Signal; 3]> {
        Ok([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ])
    };
    match listen() {
        Ok([mut interrupt, mut terminate, mut hang_up]) => {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
                _ = hang_up.recv() => (),
            }
            Error::Interrupted
        }
        Err(error) => Error::Terminal(error),
    }
}
