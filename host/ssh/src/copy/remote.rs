//! Files of a remote machine, by SFTP.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use russh::{Channel, ChannelMsg, client::Msg};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender};

use super::digester::Digester;
use super::file::{Kind, Metadata, is_segment};
use crate::command::as_root;
use crate::connection::Connection;
use crate::error::{Error, RemoteReason};
use crate::link::{Link, Session};
use crate::quote::quote;

/// What every server takes at once.
const SMALLEST_PIECE_BYTES: u64 = 32 << 10;

/// What is read or written at once at most.
const LARGEST_PIECE_BYTES: u64 = 255 << 10;

/// How much of a file is on its way at once. It has its place in what a connection holds for a channel.
const ON_THE_WAY_BYTES: usize = 4 << 20;

/// The connection knows whether it is alive; a slow answer is no failure.
const NO_TIMEOUT_S: u64 = 30 * 24 * 3600;

/// Where distributions have the server's program.
const SERVERS: &str = "/usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server \
                       /usr/lib/ssh/sftp-server /usr/libexec/sftp-server";

/// The files of a remote machine.
pub(crate) struct RemoteFiles {
    sftp: RawSftpSession,
    link: std::sync::Arc<Link>,
    digester: Digester,
    piece_bytes: usize,
    renames_over: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

type Answer<T> = Result<T, SftpError>;

impl RemoteFiles {
    /// Opens a session for files, as root if need be.
    pub(crate) async fn open(connection: &Connection, sudo: bool) -> Result<Self, Error> {
        let mut session = connection.session().await?;
        let refused = Error::Refused { hop: session.link.hop().clone(), what: "file transfers" };
        if !start(&mut session.channel, sudo).await {
            return Err(if session.link.is_lost() { session.link.loss() } else { refused });
        }
        let Session { channel, link, permit } = session;
        let config =
            Config { max_packet_len: 1 << 20, request_timeout_secs: NO_TIMEOUT_S, ..Config::default() };
        let sftp = RawSftpSession::new_with_config(channel.into_stream(), config);
        let version = match sftp.init().await {
            Ok(version) => version,
            Err(_) if link.is_lost() => return Err(link.loss()),
            Err(_) => return Err(refused),
        };
        let mut piece = SMALLEST_PIECE_BYTES;
        if version.extensions.contains_key("limits@openssh.com")
            && let Ok(limits) = sftp.limits().await
        {
            piece = limits.max_read_len.min(limits.max_write_len).clamp(piece, LARGEST_PIECE_BYTES);
        }
        Ok(Self {
            sftp,
            link,
            digester: Digester::new(connection.clone(), sudo),
            piece_bytes: usize::try_from(piece).unwrap_or(32 << 10),
            renames_over: AtomicBool::new(version.extensions.contains_key("posix-rename@openssh.com")),
            _permit: permit,
        })
    }

    /// What is best read or written at once.
    pub(crate) fn piece_bytes(&self) -> usize {
        self.piece_bytes
    }

    pub(crate) async fn metadata(&self, path: &str, follow: bool) -> Result<Option<Metadata>, Error> {
        let answer =
            if follow { self.sftp.stat(here(path)).await } else { self.sftp.lstat(here(path)).await };
        match answer {
            Ok(attributes) => Ok(Some(of(&attributes.attrs))),
            Err(SftpError::Status(status)) if status.status_code == StatusCode::NoSuchFile => Ok(None),
            Err(error) => Err(self.failure("look at", path, &error)),
        }
    }

    /// The names in a folder, with what is known about them. Names that lead elsewhere are an error.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<(String, Metadata)>, Error> {
        let fail = |error: SftpError| self.failure("read", path, &error);
        let handle = self.sftp.opendir(here(path)).await.map_err(fail)?.handle;
        let mut entries = Vec::new();
        loop {
            let more = match self.sftp.readdir(handle.as_str()).await {
                Ok(more) => more,
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(fail(error)),
            };
            for file in more.files {
                if matches!(file.filename.as_str(), "." | "..") {
                    continue;
                }
                if !is_segment(&file.filename) {
                    let reason = RemoteReason::Failed("the server tells a name that is none".to_owned());
                    return Err(self.remote("read", path, reason));
                }
                let metadata = of(&file.attrs);
                entries.push((file.filename, metadata));
            }
        }
        self.sftp.close(handle).await.map_err(fail)?;
        Ok(entries)
    }

    pub(crate) async fn read_link(&self, path: &str) -> Result<String, Error> {
        let answer = self.sftp.readlink(path).await.map_err(|error| self.failure("read", path, &error))?;
        let target = answer.files.into_iter().next().map(|file| file.filename);
        target.ok_or_else(|| self.remote("read", path, RemoteReason::Failed("no answer".to_owned())))
    }

    /// Makes the folder unless it is there.
    pub(crate) async fn make_folder(&self, path: &str) -> Result<(), Error> {
        let Err(error) = self.sftp.mkdir(path, FileAttributes::empty()).await else { return Ok(()) };
        match self.metadata(path, false).await? {
            Some(Metadata { kind: Kind::Folder, .. }) => Ok(()),
            Some(_) => Err(self.remote("make", path, RemoteReason::WrongKind)),
            None => Err(self.failure("make", path, &error)),
        }
    }

    pub(crate) async fn make_link(&self, path: &str, target: &str) -> Result<(), Error> {
        // OpenSSH takes the two in the other order than the protocol says, and always will.
        let made = self.sftp.symlink(target, path).await;
        made.map(drop).map_err(|error| self.failure("make", path, &error))
    }

    pub(crate) async fn set_attributes(&self, path: &str, mode: u32, modified_s: u32) -> Result<(), Error> {
        let attributes = FileAttributes {
            permissions: Some(mode),
            atime: Some(modified_s),
            mtime: Some(modified_s),
            ..FileAttributes::empty()
        };
        let set = self.sftp.setstat(path, attributes).await;
        set.map(drop).map_err(|error| self.failure("set the attributes of", path, &error))
    }

    /// Renames, over what is there.
    pub(crate) async fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        if self.renames_over.load(Ordering::Relaxed) {
            let mut data = Vec::new();
            for path in [from, to] {
                data.extend(u32::try_from(path.len()).unwrap_or(u32::MAX).to_be_bytes());
                data.extend(path.as_bytes());
            }
            return match self.sftp.extended("posix-rename@openssh.com", data).await {
                Ok(Packet::Status(status)) if status.status_code == StatusCode::Ok => Ok(()),
                Ok(Packet::Status(status)) => Err(self.failure("write", to, &SftpError::Status(status))),
                Ok(_) => Err(self.failure("write", to, &SftpError::UnexpectedPacket)),
                Err(error) => Err(self.failure("write", to, &error)),
            };
        }
        // Such a server renames onto nothing only.
        if self.metadata(to, false).await?.is_some() {
            self.remove(to).await?;
        }
        self.sftp.rename(from, to).await.map(drop).map_err(|error| self.failure("write", to, &error))
    }

    pub(crate) async fn remove(&self, path: &str) -> Result<(), Error> {
        self.sftp.remove(path).await.map(drop).map_err(|error| self.failure("remove", path, &error))
    }

    /// SHA-256 of the file's beginning, in hex, as the machine itself reckons it.
    pub(crate) async fn digest(&self, path: &str, size: u64, length: Option<u64>) -> Result<String, Error> {
        self.digester.digest(path, size, length).await
    }

    /// Sends the file from `offset` to `size`, and to its end if that is 0, as for files that have no size.
    pub(crate) async fn read(
        &self,
        path: &str,
        offset: u64,
        size: u64,
        piece_bytes: usize,
        pieces: Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        let fail = |error: SftpError| self.failure("read", path, &error);
        let opened = self.sftp.open(path, OpenFlags::READ, FileAttributes::empty()).await;
        let handle = opened.map_err(fail)?.handle;
        let done = if size == 0 {
            self.read_to_end(&handle, piece_bytes, &pieces).await
        } else {
            self.read_pieces(&handle, offset, size, piece_bytes, &pieces).await
        };
        done.map_err(fail)?;
        self.sftp.close(handle).await.map(drop).map_err(fail)
    }

    async fn read_to_end(&self, handle: &str, piece_bytes: usize, pieces: &Sender<Vec<u8>>) -> Answer<()> {
        let mut offset = 0;
        loop {
            let piece = self.read_piece(handle.to_owned(), offset, piece_bytes).await?;
            offset += piece.len() as u64;
            if piece.is_empty() || pieces.send(piece).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Keeps many requests on their way.
    async fn read_pieces(
        &self,
        handle: &str,
        mut offset: u64,
        size: u64,
        piece_bytes: usize,
        pieces: &Sender<Vec<u8>>,
    ) -> Answer<()> {
        let at_once = (ON_THE_WAY_BYTES / piece_bytes).max(2);
        let mut on_the_way = FuturesOrdered::new();
        loop {
            while offset < size && on_the_way.len() < at_once {
                let count = usize::try_from(size - offset).map_or(piece_bytes, |left| left.min(piece_bytes));
                on_the_way.push_back(sent(Box::pin(self.read_piece(handle.to_owned(), offset, count))).await);
                offset += count as u64;
            }
            let Some(piece) = on_the_way.next().await else { return Ok(()) };
            // If nobody takes it any more, they say why. An empty one: the file has become shorter.
            let piece = piece?;
            if piece.is_empty() || pieces.send(piece).await.is_err() {
                return Ok(());
            }
        }
    }

    /// One piece, asked for again as long as the server sends less. Empty at the end of the file.
    async fn read_piece(&self, handle: String, offset: u64, count: usize) -> Answer<Vec<u8>> {
        let mut piece: Vec<u8> = Vec::new();
        while piece.len() < count {
            let left = u32::try_from(count - piece.len()).unwrap_or(u32::MAX);
            match self.sftp.read(handle.as_str(), offset + piece.len() as u64, left).await {
                Ok(more) if more.data.is_empty() => break,
                Ok(more) if piece.is_empty() => piece = more.data,
                Ok(more) => piece.extend(more.data),
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(error),
            }
        }
        Ok(piece)
    }

    /// Writes what comes to the file from `offset` on, and cuts off what was there after it.
    pub(crate) async fn write(
        &self,
        path: &str,
        mut offset: u64,
        mut pieces: Receiver<Vec<u8>>,
    ) -> Result<(), Error> {
        let fail = |error: SftpError| self.failure("write", path, &error);
        // Nobody else may read it before its mode is set.
        let private = FileAttributes { permissions: Some(0o600), ..FileAttributes::empty() };
        let opened = self.sftp.open(path, OpenFlags::WRITE | OpenFlags::CREATE, private).await;
        let handle = opened.map_err(fail)?.handle;
        let cut = FileAttributes { size: Some(offset), ..FileAttributes::empty() };
        self.sftp.fsetstat(handle.as_str(), cut).await.map_err(fail)?;
        let mut on_the_way: FuturesUnordered<BoxFuture<'_, Answer<()>>> = FuturesUnordered::new();
        let at_once = (ON_THE_WAY_BYTES / self.piece_bytes).max(2);
        while let Some(piece) = pieces.recv().await {
            let count = piece.len() as u64;
            let handle = handle.clone();
            let write = async move { self.sftp.write(handle, offset, piece).await.map(drop) };
            on_the_way.push(sent(Box::pin(write)).await);
            offset += count;
            while on_the_way.len() >= at_once {
                on_the_way.next().await.unwrap_or(Ok(())).map_err(fail)?;
            }
        }
        while let Some(written) = on_the_way.next().await {
            written.map_err(fail)?;
        }
        self.sftp.close(handle).await.map(drop).map_err(fail)
    }

    fn failure(&self, action: &'static str, path: &str, error: &SftpError) -> Error {
        if self.link.is_lost() {
            return self.link.loss();
        }
        let reason = match error {
            SftpError::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => RemoteReason::NotFound,
                StatusCode::PermissionDenied => RemoteReason::PermissionDenied,
                _ => RemoteReason::Failed(status.error_message.to_lowercase()),
            },
            other => RemoteReason::Failed(other.to_string().to_lowercase()),
        };
        self.remote(action, path, reason)
    }

    pub(crate) fn remote(&self, action: &'static str, path: &str, reason: RemoteReason) -> Error {
        let path = crate::text::printable(path);
        Error::Remote { hop: self.link.hop().clone(), action, path, reason }
    }
}

/// The future, after its request was sent: requests leave in the order in which they are made, so that an
/// unfinished file has no holes.
async fn sent<'a, T: Send + 'a>(mut request: BoxFuture<'a, T>) -> BoxFuture<'a, T> {
    match futures_util::poll!(&mut request) {
        std::task::Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        std::task::Poll::Pending => request,
    }
}

/// Starts the server's side. Whether it did.
async fn start(channel: &mut Channel<Msg>, sudo: bool) -> bool {
    let asked = if sudo {
        let script = format!("for s in {SERVERS}; do [ -x \"$s\" ] && exec \"$s\"; done; exit 127");
        let Ok(script) = quote(&script) else { return false };
        channel.exec(true, as_root(&script)).await
    } else {
        channel.request_subsystem(true, "sftp").await
    };
    if asked.is_err() {
        return false;
    }
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return true,
            Some(ChannelMsg::Failure | ChannelMsg::Close) | None => return false,
            Some(_) => (),
        }
    }
}

/// The empty path is the user's home, as for programs.
fn here(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn of(attributes: &FileAttributes) -> Metadata {
    let mode = attributes.permissions.unwrap_or(0o644);
    Metadata {
        kind: Kind::of_mode(mode),
        size_bytes: attributes.size.unwrap_or_default(),
        mode: mode & Metadata::MODE_BITS,
        modified_s: attributes.mtime.unwrap_or_default(),
    }
}
