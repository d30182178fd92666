//! Digests that a remote machine reckons itself.

use russh::ChannelMsg;
use tokio::sync::Mutex;

use crate::command::as_root;
use crate::connection::Connection;
use crate::error::{Error, RemoteReason};
use crate::process::Process;
use crate::quote::quote;

/// Files from that size on are worth a program that starts more slowly but uses the processor's instructions
/// for SHA-256, which coreutils' in Debian 12 does not.
const LARGE_BYTES: u64 = 8 << 20;

/// `d PATH KIND` for a file, `h PATH KIND LENGTH` for its beginning: one line each.
const FUNCTIONS: &str = r#"s() {
[ "$1" = large ] && command -v openssl >/dev/null 2>&1 && openssl dgst -sha256 -r 2>/dev/null && return
sha256sum
}
d() { s "$2" < "$1" || echo failed; }
h() { [ -r "$1" ] && head -c "$3" < "$1" | s "$2" || echo failed; }
"#;

/// A shell on the machine that is asked for one digest after the other. It starts with the first.
pub(crate) struct Digester {
    connection: Connection,
    sudo: bool,
    shell: Mutex<Option<Shell>>,
}

struct Shell {
    process: Process,
    /// What it printed and was not looked at.
    printed: Vec<u8>,
}

impl Digester {
    pub(crate) fn new(connection: Connection, sudo: bool) -> Self {
        Self { connection, sudo, shell: Mutex::new(None) }
    }

    /// SHA-256 of the file, or of its first `length` bytes, in hex. `size` is how large it about is.
    pub(crate) async fn digest(&self, path: &str, size: u64, length: Option<u64>) -> Result<String, Error> {
        let mut slot = self.shell.lock().await;
        // Taken out, so that an answer that nobody waited for is never taken for another's.
        let mut shell = match slot.take() {
            Some(shell) => shell,
            None => Shell::start(&self.connection, self.sudo).await?,
        };
        let answer = shell.ask(path, size, length).await?;
        *slot = Some(shell);
        let digest = answer.split_whitespace().next().unwrap_or_default();
        if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(digest.to_ascii_lowercase());
        }
        Err(Error::Remote {
            hop: self.connection.hop(),
            action: "take the digest of",
            path: crate::text::printable(path),
            reason: RemoteReason::Failed("sha256sum failed there".to_owned()),
        })
    }
}

impl Shell {
    async fn start(connection: &Connection, sudo: bool) -> Result<Self, Error> {
        let session = connection.session().await?;
        let process = Process::new(session);
        let line = if sudo { as_root("'exec sh -s'") } else { "exec sh -s".to_owned() };
        let shell = Self { process, printed: Vec::new() };
        let sent = shell.process.write().exec(false, line).await.is_ok() && shell.send(FUNCTIONS).await;
        if sent { Ok(shell) } else { Err(shell.process.link().loss()) }
    }

    async fn send(&self, text: &str) -> bool {
        self.process.write().data_bytes(text.to_owned()).await.is_ok()
    }

    async fn ask(&mut self, path: &str, size: u64, length: Option<u64>) -> Result<String, Error> {
        // A redirection takes it as it is, whatever it begins with.
        let path = quote(path)?;
        let kind = if length.unwrap_or(size) >= LARGE_BYTES { "large" } else { "small" };
        let question = match length {
            Some(length) => format!("h {path} {kind} {length}\n"),
            None => format!("d {path} {kind}\n"),
        };
        if !self.send(&question).await {
            return Err(self.process.link().loss());
        }
        loop {
            if let Some(end) = self.printed.iter().position(|byte| *byte == b'\n') {
                let rest = self.printed.split_off(end + 1);
                let line = std::mem::replace(&mut self.printed, rest);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            match self.process.next().await {
                Some(ChannelMsg::Data { data }) => self.printed.extend_from_slice(&data),
                Some(ChannelMsg::Close | ChannelMsg::Failure) | None => return Err(self.lost()),
                Some(_) => (),
            }
        }
    }

    fn lost(&self) -> Error {
        if self.process.link().is_lost() {
            return self.process.link().loss();
        }
        Error::Refused { hop: self.process.hop(), what: "to run a command" }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It ends with its input.
        self.process.close();
    }
}
