//! A forward proxy between the binary and the cloud that does harm at the request it is told.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process that asked is killed before the request is passed on.
    KillBefore,
    /// It is killed when the cloud has answered, before it hears of that.
    KillAfter,
    /// This status, with a body in the cloud's style.
    Status(u16),
    /// 429, and when to come back.
    RetryAfter,
    /// The connection is cut before the request is passed on.
    CutBefore,
    /// It is passed on, and the connection is cut before the answer.
    CutAfter,
    /// The answer comes late.
    Slow,
    /// The answer is no HTTP.
    Garbage,
    /// The answer is a page for people.
    Html,
    /// The answer has 1 GiB.
    Huge,
    /// The cloud ignores where a page begins, and always names a following one.
    Endless,
    /// The first answer that a server is gone shows it as Nova does while it closes its books: deleted, and still
    /// there. The lines tell of that by [`REMAINS`].
    Remains,
}

/// The line of a server that was shown as deleted.
pub(crate) const REMAINS: &str = "shown as deleted";

/// Which requests it happens to.
#[derive(Debug, Clone)]
pub(crate) enum When {
    /// The one of this number, counted from 1.
    Number(u32),
    /// The first whose method and path begin and contain these.
    First(&'static str, &'static str),
    /// All such.
    All(&'static str, &'static str),
}

#[derive(Default)]
struct State {
    seen: AtomicU32,
    harm: Mutex<Option<(When, Fault)>>,
    victim: AtomicU32,
    struck: AtomicU32,
    lines: Mutex<Vec<String>>,
    token: Mutex<Option<String>>,
}

/// A running proxy; it stops with the test's runtime.
#[derive(Clone)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    // Whoever goes away in the middle has had what it wanted.
                    let _ = serve(stream, &state).await;
                });
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, counted from now.
    pub(crate) fn harm(&self, when: When, fault: Fault) {
        self.state.seen.store(0, Ordering::SeqCst);
        self.state.struck.store(0, Ordering::SeqCst);
        self.state.lines.lock().unwrap().clear();
        *self.state.harm.lock().unwrap() = Some((when, fault));
    }

    pub(crate) fn calm(&self) {
        *self.state.harm.lock().unwrap() = None;
    }

    /// Who is killed.
    pub(crate) fn victim(&self, process_id: u32) {
        self.state.victim.store(process_id, Ordering::SeqCst);
    }

    /// How many requests there were since [`harm`](Self::harm), or the start.
    pub(crate) fn requests(&self) -> u32 {
        self.state.seen.load(Ordering::SeqCst)
    }

    /// How many requests came to harm.
    pub(crate) fn struck(&self) -> u32 {
        self.state.struck.load(Ordering::SeqCst)
    }

    /// The Keystone token of the last request that carried one.
    pub(crate) fn last_token(&self) -> Option<String> {
        self.state.token.lock().unwrap().clone()
    }

    /// Method and URL of each request, in their order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.lines.lock().unwrap().clone()
    }
}

impl State {
    /// What happens to this request.
    fn fault(&self, method: &str, path: &str) -> Option<Fault> {
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        self.lines.lock().unwrap().push(format!("{method} {path}"));
        let mut harm = self.harm.lock().unwrap();
        let (when, fault) = harm.as_ref()?;
        let fault = *fault;
        let (hit, once) = match when {
            When::Number(n) => (*n == number, true),
            When::First(m, p) => (method == *m && path.contains(p), true),
            When::All(m, p) => (method == *m && path.contains(p), false),
        };
        if !hit {
            return None;
        }
        if once {
            *harm = None;
        }
        self.struck.fetch_add(1, Ordering::SeqCst);
        Some(fault)
    }

    /// Whether this is the first that is shown as deleted.
    fn remains(&self) -> bool {
        let mut lines = self.lines.lock().unwrap();
        let first = !lines.iter().any(|line| line == REMAINS);
        lines.extend(first.then(|| REMAINS.to_owned()));
        first
    }

    fn kill(&self) {
        let victim = self.victim.load(Ordering::SeqCst);
        assert_ne!(victim, 0, "nobody to kill");
        let killed = std::process::Command::new("kill").args(["-9", &victim.to_string()]).status().unwrap();
        assert!(killed.success());
    }
}

async fn serve(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    let (head, body) = read_message(&mut client).await?;
    let mut words = head.split_whitespace();
    let (method, url) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Some((host, path)) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
        return Ok(());
    };
    let path = format!("/{path}");
    let token = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("x-auth-token").then(|| value.trim().to_owned())
    });
    if token.is_some() {
        *state.token.lock().unwrap() = token;
    }
    let fault = state.fault(method, url);
    match fault {
        Some(Fault::KillBefore) => {
            state.kill();
            return Ok(());
        }
        Some(Fault::CutBefore) => return Ok(()),
        Some(Fault::Status(401)) => {
            return answer(
                &mut client,
                "401 Unauthorized",
                "",
                r#"{"error":{"code":401,"message":"the token is gone"}}"#,
            )
            .await;
        }
        Some(Fault::Status(status)) => {
            let body = format!(r#"{{"computeFault":{{"code":{status},"message":"made up by a test"}}}}"#);
            return answer(&mut client, &format!("{status} Made Up"), "", &body).await;
        }
        Some(Fault::RetryAfter) => {
            let body = r#"{"overLimit":{"code":429,"message":"slow down"}}"#;
            return answer(&mut client, "429 Too Many Requests", "retry-after: 1\r\n", body).await;
        }
        Some(Fault::Garbage) => return client.write_all(b"\x00\xffnot http at all\r\n\r\n").await,
        Some(Fault::Html) => {
            let body = "<html><body><h1>Bad gateway</h1><script>alert(1)</script></body></html>";
            return answer(&mut client, "502 Bad Gateway", "", body).await;
        }
        Some(Fault::Huge) => return huge(&mut client).await,
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_secs(3)).await,
        Some(Fault::KillAfter | Fault::CutAfter | Fault::Endless | Fault::Remains) | None => {}
    }
    if fault == Some(Fault::Endless) {
        let first = path.split('?').next().unwrap_or_default();
        let passed_on = pass_on(host, method, first, &head, &body).await?;
        let number = state.seen.load(Ordering::SeqCst);
        return answer(&mut client, "200 OK", "", &endless(&passed_on, number)).await;
    }
    let passed_on = pass_on(host, method, &path, &head, &body).await?;
    if fault == Some(Fault::Remains) && passed_on.starts_with(b"HTTP/1.1 404") && state.remains() {
        let id = path.rsplit('/').next().unwrap_or_default();
        let body = format!(r#"{{"server":{{"id":"{id}","status":"DELETED"}}}}"#);
        return answer(&mut client, "200 OK", "", &body).await;
    }
    match fault {
        Some(Fault::KillAfter) => {
            state.kill();
            Ok(())
        }
        Some(Fault::CutAfter) => Ok(()),
        _ => client.write_all(&passed_on).await,
    }
}

/// The page in this answer, with a link to one that never was.
fn endless(answer: &[u8], number: u32) -> String {
    let start = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let mut page: serde_json::Value = serde_json::from_slice(&answer[start..]).unwrap();
    let object = page.as_object_mut().unwrap();
    let many = object.keys().find(|key| !key.ends_with("_links")).unwrap().clone();
    let href = format!("http://127.0.0.1/v2.0/{many}?marker=page-{number}");
    object.insert(format!("{many}_links"), serde_json::json!([{ "rel": "next", "href": href }]));
    page.to_string()
}

/// Sends the request to the cloud, as it would have come directly, and gives the whole answer.
async fn pass_on(host: &str, method: &str, path: &str, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(host).await?;
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !matches!(
            name.as_str(),
            "connection" | "proxy-connection" | "transfer-encoding" | "content-length"
        ) {
            request.push_str(line);
            request.push_str("\r\n");
        }
    }
    request.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    server.write_all(request.as_bytes()).await?;
    server.write_all(body).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    Ok(answer)
}

async fn answer(client: &mut TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    client.write_all(text.as_bytes()).await
}

async fn huge(client: &mut TcpStream) -> std::io::Result<()> {
    const GIB: usize = 1 << 30;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {GIB}\r\n\r\n");
    client.write_all(head.as_bytes()).await?;
    let chunk = vec![b' '; 1 << 20];
    for _ in 0..GIB / chunk.len() {
        client.write_all(&chunk).await?;
    }
    Ok(())
}

/// Head and body of a request whose length is said.
async fn read_message(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    let length: usize = length.unwrap_or(0);
    let mut body = body;
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((head, body))
}
