//! A server, a resolver and a clock that do what a test says.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use skywright_egress::{
    BoxFuture, Client, Clock, EndpointGrant, ExchangeSink, Grant, Method, Part, Proxy, Replay, Request,
    Resolver, Secret, Text, Vault,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// The tenant's own credential in most tests. No output may ever have it.
pub(crate) const PASSWORD: &str = "Tr0ub4dor&3/\"ü";

/// What the server does with a request.
pub(crate) enum Reply {
    /// Sends this and keeps the connection.
    Bytes(Vec<u8>),
    /// Closes the connection without a word.
    Close,
    /// Says nothing until the other side goes away.
    Hang,
    /// Sends this, and then zeros for ever.
    Endless(Vec<u8>),
}

impl Reply {
    /// An answer with a body, and its length.
    pub(crate) fn new(status: u16, headers: &[&str], body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for header in headers {
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        Self::Bytes(bytes)
    }
}

/// A server on a port of 127.0.0.1 that the system chose. It ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    pub(crate) gone: Arc<AtomicUsize>,
}

type Script = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

impl Server {
    /// Serves by a script of the request's number, from 0, and its text.
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(script, |stream| async move { Some(stream) }).await
    }

    /// The same behind something that is done with each connection first.
    pub(crate) async fn start_with<S, F>(
        script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
        accept: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + Clone + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        F: Future<Output = Option<S>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let gone = Arc::new(AtomicUsize::new(0));
        let script: Script = Arc::new(script);
        let (all, away) = (Arc::clone(&requests), Arc::clone(&gone));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, all, away) = (Arc::clone(&script), Arc::clone(&all), Arc::clone(&away));
                let accept = accept.clone();
                tokio::spawn(async move {
                    if let Some(stream) = accept(stream).await {
                        let _ = serve(stream, script, all).await;
                    }
                    away.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, requests, gone }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve<S>(mut stream: S, script: Script, all: Arc<Mutex<Vec<String>>>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(request) = read_request(&mut stream).await? {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(request.clone());
            all.len() - 1
        };
        match script(number, &request) {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
            Reply::Close => return Ok(()),
            Reply::Hang => {
                let _ = stream.read(&mut [0; 1]).await;
                return Ok(());
            }
            Reply::Endless(bytes) => {
                stream.write_all(&bytes).await?;
                loop {
                    stream.write_all(&[b'0'; 4096]).await?;
                }
            }
        }
    }
    Ok(())
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await? {
            0 => return Ok(None),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Names and their addresses; every other name is not found.
#[derive(Default)]
pub(crate) struct Names {
    names: BTreeMap<String, Vec<IpAddr>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn new(names: &[(&str, &[&str])]) -> Arc<Self> {
        let addresses = |list: &[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        let names = names.iter().map(|(name, list)| ((*name).to_owned(), addresses(list))).collect();
        Arc::new(Self { names, asked: Mutex::default() })
    }

    /// `cloud.test` and `other.test` on 127.0.0.1.
    pub(crate) fn usual() -> Arc<Self> {
        Self::new(&[("cloud.test", &["127.0.0.1"]), ("other.test", &["127.0.0.1"])])
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let found = self.names.get(host).cloned();
        Box::pin(async move { found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name")) })
    }
}

/// A clock on which sleeping takes no time, and which knows how long was slept.
#[derive(Default)]
pub(crate) struct TestClock {
    pub(crate) elapsed: Mutex<Duration>,
    pub(crate) sleeps: Mutex<Vec<Duration>>,
}

/// 1994-11-06 08:49:37 GMT, the example of the HTTP standard.
const MORNING: Duration = Duration::from_secs(784_111_777);

impl Clock for TestClock {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + MORNING + *self.elapsed.lock().unwrap()
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        *self.elapsed.lock().unwrap() += duration;
        self.sleeps.lock().unwrap().push(duration);
        Box::pin(tokio::task::yield_now())
    }
}

/// A grant of these patterns, each with these credentials in the clear, and 127.0.0.1.
pub(crate) fn grant(patterns: &[&str], credentials: &[&str]) -> Grant {
    let endpoint = |pattern: &&str| EndpointGrant {
        name: "cloud".to_owned(),
        pattern: pattern.parse().unwrap(),
        credentials: credentials.iter().map(|name| (*name).to_owned()).collect(),
        plaintext_credentials: true,
    };
    Grant {
        endpoints: patterns.iter().map(endpoint).collect(),
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        proxy: Proxy::None,
        ..Grant::default()
    }
}

/// A vault with the password, on a clock of its own.
pub(crate) fn vault() -> (Vault, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let own = [("password".to_owned(), Secret::new(PASSWORD))];
    (Vault::with_clock(own, Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

/// A client with the usual names and the password.
pub(crate) fn client(grant: Grant) -> Client {
    Client::new(grant, vault().0, Names::usual(), None)
}

/// A client that keeps a recording in memory.
pub(crate) fn recorded(grant: Grant, sink: Arc<dyn ExchangeSink>) -> Client {
    Client::new(grant, vault().0, Names::usual(), Some(sink))
}

/// A safe GET of nothing special.
pub(crate) fn get(url: impl Into<String>) -> Request {
    Request {
        method: Method::Get,
        url: url.into(),
        replay: Replay::Safe,
        bucket: None,
        headers: Vec::new(),
        body: None,
        captures: Vec::new(),
        timeout_ms: None,
    }
}

/// A mutating POST of a body.
pub(crate) fn post(url: impl Into<String>, body: Vec<Part>) -> Request {
    Request { method: Method::Post, replay: Replay::Mutating, body: Some(Text(body)), ..get(url) }
}

pub(crate) fn header(name: &str, parts: Vec<Part>) -> (String, Text) {
    (name.to_owned(), Text(parts))
}

pub(crate) fn plain(text: &str) -> Part {
    Part::Plain(text.to_owned())
}

pub(crate) fn secret(name: &str) -> Part {
    Part::Secret(name.to_owned())
}
