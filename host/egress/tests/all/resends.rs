//! Resending and rates.

use std::sync::Arc;
use std::time::Duration;

use skywright_egress::{Client, Grant, HttpError, Rate, Replay, Request};

use crate::rig::{Names, Reply, Server, TestClock, get, grant, plain, post, vault};

fn slow_client(grant: Grant) -> (Client, Arc<TestClock>) {
    let (vault, clock) = vault();
    (Client::new(grant, vault, Names::usual(), None), clock)
}

fn usual() -> (Client, Arc<TestClock>) {
    slow_client(grant(&["http://cloud.test:*"], &[]))
}

fn idempotent(server: &Server) -> Request {
    let request = post(format!("http://cloud.test:{}/", server.port()), vec![plain("body")]);
    Request { replay: Replay::Idempotent, ..request }
}

fn mutating(server: &Server) -> Request {
    Request { replay: Replay::Mutating, ..idempotent(server) }
}

fn seconds(sleeps: &TestClock) -> Vec<u64> {
    sleeps.sleeps.lock().unwrap().iter().map(Duration::as_secs).collect()
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says_so() {
    for (header, expected) in [("retry-after: 7", 7), ("Retry-After: Sun, 06 Nov 1994 08:50:07 GMT", 30)] {
        for status in [429, 502, 503, 504] {
            let server = Server::start(move |number, _| match number {
                0 => Reply::new(status, &[header], b"busy"),
                _ => Reply::new(200, &[], b"done"),
            })
            .await;
            let (client, clock) = usual();
            assert_eq!(client.send(idempotent(&server)).await.unwrap().body, b"done");
            assert_eq!(seconds(&clock), [expected]);
            assert!(server.requests()[1].ends_with("\r\n\r\nbody"));
        }
    }
}

#[tokio::test]
async fn other_errors_are_answers() {
    for status in [400, 401, 404, 409, 500, 501] {
        let server = Server::start(move |_, _| Reply::new(status, &["retry-after: 1"], b"no")).await;
        let (client, clock) = usual();
        assert_eq!(client.send(idempotent(&server)).await.unwrap().status, status);
        assert!(seconds(&clock).is_empty());
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_answer_is_given() {
    let server = Server::start(|number, _| Reply::new(503, &[], format!("{number}").as_bytes())).await;
    let (client, clock) = usual();
    let response = client.send(idempotent(&server)).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (503, b"3".as_slice()));
    assert_eq!(server.requests().len(), 4);
    let sleeps = clock.sleeps.lock().unwrap().clone();
    for (sleep, most) in sleeps.iter().zip([250, 500, 1000]) {
        assert!(*sleep <= Duration::from_millis(most), "{sleeps:?}");
    }
}

#[tokio::test]
async fn nobody_waits_beyond_the_deadline() {
    let server = Server::start(|_, _| Reply::new(503, &["retry-after: 60"], b"later")).await;
    let (client, clock) = usual();
    assert_eq!(client.send(idempotent(&server)).await.unwrap().body, b"later");
    assert!(seconds(&clock).is_empty());
}

#[tokio::test]
async fn a_mutating_request_is_not_sent_twice() {
    let busy = Server::start(|_, _| Reply::new(503, &["retry-after: 1"], b"busy")).await;
    let (client, _) = usual();
    assert_eq!(client.send(mutating(&busy)).await.unwrap().status, 503);
    assert_eq!(busy.requests().len(), 1);
    let closing = Server::start(|_, _| Reply::Close).await;
    let error = client.send(mutating(&closing)).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{error:?}");
    assert!(error.is_outcome_unknown());
    assert_eq!(closing.requests().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf";
    let server = Server::start(|number, _| match number {
        0 => Reply::Close,
        1 => Reply::Bytes(b"nonsense\r\n\r\n".to_vec()),
        _ => Reply::new(200, &[], b"whole"),
    })
    .await;
    let (client, _) = usual();
    assert_eq!(client.send(idempotent(&server)).await.unwrap().body, b"whole");
    assert_eq!(server.requests().len(), 3);
    // Half a body is no answer.
    let cut = Server::start_with(
        |_, _| Reply::Bytes(half.to_vec()),
        |stream| async move { Some(OneWrite { stream, written: false }) },
    )
    .await;
    let error = client.send(idempotent(&cut)).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{error:?}");
    assert_eq!(cut.requests().len(), 4);
}

/// A stream that ends after the first write.
struct OneWrite {
    stream: tokio::net::TcpStream,
    written: bool,
}

mod one_write {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::OneWrite;

    impl AsyncRead for OneWrite {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let this = self.get_mut();
            if this.written {
                return Poll::Ready(Ok(()));
            }
            Pin::new(&mut this.stream).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for OneWrite {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            let poll = Pin::new(&mut this.stream).poll_write(cx, buf);
            this.written |= poll.is_ready();
            poll
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.get_mut().stream).poll_flush(cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
        }
    }
}

#[tokio::test]
async fn what_never_left_may_be_sent_again() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let (client, clock) = usual();
    let error = client.send(post(format!("http://cloud.test:{closed}/"), vec![])).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: false, .. }), "{error:?}");
    assert!(error.to_string().ends_with("; nothing was sent"), "{error}");
    assert_eq!(clock.sleeps.lock().unwrap().len(), 3);
    let error = client.send(post("http://cloud.test.:1/".to_owned(), vec![])).await.unwrap_err();
    assert!(!error.is_outcome_unknown(), "{error:?}");
}

#[tokio::test]
async fn a_bucket_holds_requests_back() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let mut grant = grant(&["http://cloud.test:*"], &[]);
    grant.rates = vec![Rate { bucket: "compute".to_owned(), requests: 2, period_ms: 10_000, in_flight: 0 }];
    let (client, clock) = slow_client(grant);
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    request.bucket = Some("compute".to_owned());
    for _ in 0..4 {
        client.send(request.clone()).await.unwrap();
    }
    assert_eq!(seconds(&clock), [10]);
    request.bucket = None;
    client.send(request.clone()).await.unwrap();
    assert_eq!(seconds(&clock), [10]);
    request.bucket = Some("storage".to_owned());
    let error = client.send(request).await.unwrap_err();
    assert!(matches!(&error, HttpError::Invalid { subject, .. } if subject == "bucket"), "{error:?}");
    assert_eq!(server.requests().len(), 5);
}
