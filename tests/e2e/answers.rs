//! Answers that are too much, or never come.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::server::{Reply, Server};
use crate::stage::{Stage, get, still_serves, with};

/// 1 GiB of nothing in 1 MiB.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 20];
    (0..64).for_each(|_| encoder.write_all(&block).unwrap());
    let member = encoder.finish().unwrap();
    member.repeat(16)
}

#[tokio::test]
async fn a_body_that_grows_when_it_is_decoded() {
    let bomb = bomb();
    assert!(bomb.len() < 2 << 20);
    let server = Server::start(move |_| Reply::new("200 OK", &[("content-encoding", "gzip")], &bomb)).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    assert_eq!(play.refused(get(&server.url("/"))).await, "too-large: 33554432");
    still_serves().await;
}

#[tokio::test]
async fn a_body_without_end() {
    let server = Server::start(|_| {
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
        Reply::Endless(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(), chunk)
    })
    .await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    assert_eq!(play.refused(get(&server.url("/"))).await, "too-large: 33554432");
    still_serves().await;
}

#[tokio::test]
async fn more_headers_than_there_may_be() {
    let value = "x".repeat(1 << 10);
    let names: Vec<_> = (0..200).map(|number| format!("x-{number}")).collect();
    let server = Server::start(move |_| {
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        Reply::new("200 OK", &headers, "")
    })
    .await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    assert_eq!(play.refused(get(&server.url("/"))).await, "too-large: 131072");
    still_serves().await;
}

#[tokio::test]
async fn headers_without_end() {
    let line = format!("x-more: {}\r\n", "x".repeat(1 << 10)).into_bytes();
    let server = Server::start(move |_| Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), line.clone())).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    assert_eq!(play.refused(get(&server.url("/"))).await, "too-large: 131072");
    still_serves().await;
}

#[tokio::test]
async fn no_answer_at_all() {
    let server = Server::start(|_| Reply::Silence).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let refusal = play.refused(with(get(&server.url("/")), json!({ "timeout-ms": 300 }))).await;
    assert_eq!(refusal, "timeout: null");
    assert_eq!(server.seen().len(), 1);
    still_serves().await;
}

#[tokio::test]
async fn an_answer_that_is_no_http() {
    let server = Server::start(|_| Reply::Whole(b"220 mail.example ESMTP\r\n\x1b[2J".to_vec())).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let refusal = play.refused(get(&server.url("/"))).await;
    assert!(refusal.starts_with(&format!("transport: {}: ", server.origin())), "{refusal}");
    assert!(!refusal.contains('\u{1b}'), "{refusal:?}");
    still_serves().await;
}
