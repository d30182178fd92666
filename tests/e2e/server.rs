//! A server that says, byte for byte, what a test wants it to say.
//!
//! What it does not prove: anything of TLS, HTTP/2 or a proxy.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where every server answers `200 alive`; not among the requests that it tells of.
pub(crate) const ALIVE: &str = "/alive";

/// What is said to one request.
pub(crate) enum Reply {
    /// All of an answer, head and body.
    Whole(Vec<u8>),
    /// A head, and then one chunk again and again, for as long as somebody listens.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing, for as long as somebody waits.
    Silence,
}

impl Reply {
    /// A status line's end, header lines and a body; the length is added.
    pub(crate) fn new(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {status}\r\n{lines}content-length: {}\r\n\r\n", body.len());
        Self::Whole([head.as_bytes(), body].concat())
    }

    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::new("200 OK", &[], body)
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::new("302 Found", &[("location", to)], "")
    }
}

/// A running server; it stops with the test's runtime.
pub(crate) struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers with `reply`, which gets the request as it came: head, empty line, body.
    pub(crate) async fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&seen), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&reply)));
            }
        });
        Self { port, seen }
    }

    /// One that says `200` and nothing more.
    pub(crate) async fn plain() -> Self {
        Self::start(|_| Reply::ok("")).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Every request so far, as it came.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve<F: Fn(&str) -> Reply>(mut stream: TcpStream, log: Arc<Mutex<Vec<String>>>, reply: Arc<F>) {
    while let Some(request) = read(&mut stream).await {
        let answer = if request.starts_with(&format!("GET {ALIVE} ")) {
            Reply::ok("alive")
        } else {
            log.lock().unwrap().push(request.clone());
            reply(&request)
        };
        match answer {
            Reply::Whole(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Endless(head, chunk) => {
                let mut written = stream.write_all(&head).await;
                while written.is_ok() {
                    written = stream.write_all(&chunk).await;
                }
                return;
            }
            Reply::Silence => {
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
        }
    }
}

/// One request, or nothing when the connection ends.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let length = content_length(&String::from_utf8_lossy(&bytes[..head]));
            if bytes.len() >= head + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}

fn content_length(head: &str) -> usize {
    let mut values = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    values.next_back().unwrap_or(0)
}
