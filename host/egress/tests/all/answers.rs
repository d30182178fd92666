//! Answers that are too much, too late or no answers.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use skywright_egress::{HttpError, Method, Oversize};

use crate::rig::{Reply, Server, client, get, grant, plain, post};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn ask(
    reply: impl Fn() -> Reply + Send + Sync + 'static,
    body_bytes: usize,
) -> Result<Vec<u8>, HttpError> {
    let server = Server::start(move |_, _| reply()).await;
    let mut grant = grant(&["http://cloud.test:*"], &[]);
    grant.limits.body_bytes = body_bytes;
    let result = client(grant).send(get(format!("http://cloud.test:{}/", server.port()))).await;
    assert_eq!(server.requests().len(), 1, "too large is not asked for again");
    result.map(|response| response.body)
}

fn too_large(what: Oversize, limit_bytes: u64) -> Result<Vec<u8>, HttpError> {
    Err(HttpError::TooLarge { what, limit_bytes })
}

#[tokio::test]
async fn gzip_is_undone() {
    let body = gzip(b"{\"a\":1}");
    let reply = move || Reply::new(200, &["content-encoding: gzip"], &body);
    assert_eq!(ask(reply, 1000).await.unwrap(), b"{\"a\":1}");
}

#[tokio::test]
async fn a_bomb_is_too_large() {
    let bomb = gzip(&vec![0; 8 << 20]);
    let reply = move || Reply::new(200, &["content-encoding: gzip"], &bomb);
    assert_eq!(ask(reply, 1 << 20).await, too_large(Oversize::ResponseBody, 1 << 20));
}

#[tokio::test]
async fn an_endless_body_is_too_large() {
    let reply = || Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    assert_eq!(ask(reply, 1 << 20).await, too_large(Oversize::ResponseBody, 1 << 20));
    let reply = || Reply::Endless(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n".to_vec());
    assert_eq!(ask(reply, 1 << 20).await, too_large(Oversize::ResponseBody, 1 << 20));
}

#[tokio::test]
async fn headers_are_limited() {
    for size in [200 << 10, 2 << 20] {
        let reply = move || Reply::new(200, &[&format!("x-large: {}", "a".repeat(size))], b"");
        assert_eq!(ask(reply, 1000).await, too_large(Oversize::ResponseHeaders, 128 << 10), "{size}");
    }
    let reply = || Reply::Endless(b"HTTP/1.1 200 OK\r\nx-endless: ".to_vec());
    assert_eq!(ask(reply, 1000).await, too_large(Oversize::ResponseHeaders, 128 << 10));
    let reply = || Reply::new(200, &[&format!("x-large: {}", "a".repeat(100 << 10))], b"fits");
    assert_eq!(ask(reply, 1000).await.unwrap(), b"fits");
}

#[tokio::test]
async fn what_is_coded_otherwise_is_not_passed_on() {
    let error = ask(|| Reply::new(200, &["content-encoding: br"], b"x"), 1000).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{error:?}");
    let twice = || Reply::new(200, &["content-encoding: gzip", "content-encoding: gzip"], &gzip(&gzip(b"x")));
    let error = ask(twice, 1000).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_a_body_may_name_a_coding_and_a_length() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4711\r\n\r\n";
    let server = Server::start(|_, _| Reply::Bytes(head.to_vec())).await;
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    request.method = Method::Head;
    let response = client(grant(&["http://cloud.test:*"], &[])).send(request).await.unwrap();
    assert_eq!((response.status, response.body.len()), (200, 0));
}

#[tokio::test]
async fn a_request_is_limited_too() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let mut grant = grant(&["http://cloud.test:*"], &[]);
    grant.limits.body_bytes = 10;
    grant.limits.header_bytes = 1000;
    let client = client(grant);
    let url = format!("http://cloud.test:{}/", server.port());
    let error = client.send(post(url.clone(), vec![plain("12345678901")])).await.unwrap_err();
    assert!(
        matches!(error, HttpError::TooLarge { what: Oversize::RequestBody, limit_bytes: 10 }),
        "{error:?}"
    );
    let mut request = get(url.clone());
    request.headers = vec![crate::rig::header("x-large", vec![plain(&"a".repeat(1000))])];
    let error = client.send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { what: Oversize::RequestHeaders, .. }), "{error:?}");
    assert!(server.requests().is_empty());
    assert_eq!(client.send(post(url, vec![plain("1234567890")])).await.unwrap().status, 204);
}

#[tokio::test]
async fn headers_come_in_order_and_without_those_of_the_connection() {
    let headers =
        ["B: 1", "A: 2", "b: 3", "Connection: keep-alive", "Keep-Alive: x", "Proxy-Authenticate: x"];
    let server = Server::start(move |_, _| Reply::new(200, &headers, b"x")).await;
    let request = get(format!("http://cloud.test:{}/", server.port()));
    let response = client(grant(&["http://cloud.test:*"], &[])).send(request).await.unwrap();
    let names: Vec<_> = response.headers.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(names, ["content-length=1", "b=1", "b=3", "a=2"]);
}

#[tokio::test]
async fn silence_times_out() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let mut grant = grant(&["http://cloud.test:*"], &[]);
    grant.limits.exchange = Duration::from_millis(300);
    let client = client(grant);
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    request.timeout_ms = Some(50);
    let error = client.send(request.clone()).await.unwrap_err();
    assert_eq!(error, HttpError::Timeout { limit_ms: 50, sent: true });
    // A plugin may ask for less, not for more.
    request.timeout_ms = Some(3_000);
    let error = client.send(request).await.unwrap_err();
    assert_eq!(error, HttpError::Timeout { limit_ms: 300, sent: true });
}

#[tokio::test]
async fn cancelling_frees_the_place_and_the_connection() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Hang,
        _ => Reply::new(204, &[], b""),
    })
    .await;
    let mut grant = grant(&["http://cloud.test:*"], &[]);
    grant.limits.concurrent = 1;
    let client = client(grant);
    let url = format!("http://cloud.test:{}/", server.port());
    let first = tokio::spawn({
        let (client, url) = (client.clone(), url.clone());
        async move { client.send(get(url)).await }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(client.send(get(url)).await.unwrap().status, 204);
    while server.gone.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_more_requests_at_once_than_the_limit() {
    // How many are on their way, as seen by the resolver, which waits until two are there.
    struct Busy {
        now: AtomicUsize,
        most: AtomicUsize,
    }
    impl skywright_egress::Resolver for Busy {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
        ) -> skywright_egress::BoxFuture<'a, std::io::Result<Vec<std::net::IpAddr>>> {
            Box::pin(async move {
                let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                self.now.fetch_sub(1, Ordering::SeqCst);
                Err(std::io::Error::other("not found"))
            })
        }
    }
    let busy = Arc::new(Busy { now: AtomicUsize::new(0), most: AtomicUsize::new(0) });
    let mut grant = grant(&["http://*.test"], &[]);
    grant.limits.concurrent = 2;
    let client = skywright_egress::Client::new(grant, crate::rig::vault().0, Arc::clone(&busy) as _, None);
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.send(get(format!("http://n{number}.test/"))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap_err();
    }
    assert_eq!(busy.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_timeout_says_when_nothing_was_sent() {
    /// A clock on which nobody wakes up.
    struct Asleep;
    impl skywright_egress::Clock for Asleep {
        fn wall(&self) -> std::time::SystemTime {
            std::time::SystemTime::UNIX_EPOCH
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _: Duration) -> skywright_egress::BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let vault = skywright_egress::Vault::with_clock([], Arc::new(Asleep));
    let grant = grant(&["http://cloud.test:*"], &[]);
    let client = skywright_egress::Client::new(grant, vault, crate::rig::Names::usual(), None);
    let mut request = post(format!("http://cloud.test:{closed}/"), vec![]);
    // Long enough for the first back-off to fit, so that it is slept and not refused.
    request.timeout_ms = Some(500);
    let error = client.send(request).await.unwrap_err();
    assert_eq!(error, HttpError::Timeout { limit_ms: 500, sent: false });
}
