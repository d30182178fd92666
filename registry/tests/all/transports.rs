//! Bytes from folders and web servers that do not mean well.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use skywright_registry::Error;
use skywright_registry::tuf::{Client, Folder, Http, Layout, Store, Transport, Verifier, transport_for};

use crate::support::{World, block_on, now, path};

const COMPONENT: &str = "plugins/acme/cloud/1.0.0/component.wasm";

/// A server on this machine that answers each request with what `answer` makes of its path. It ends with the test.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || one(stream.unwrap(), &*answer));
        }
    });
    format!("http://{address}")
}

fn one(mut stream: TcpStream, answer: &dyn Fn(&str) -> Vec<u8>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    // Whoever asked may have seen enough.
    let _ = stream.write_all(&answer(path));
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn file(root: &Path, path: &str) -> Vec<u8> {
    match std::fs::read(root.join(path.trim_start_matches('/'))) {
        Ok(bytes) => response("200 OK", "", &bytes),
        Err(_) => response("404 Not Found", "", b""),
    }
}

#[test]
fn a_repository_is_read_from_any_web_server() {
    let world = World::published();
    let root = world.repository().to_owned();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let base = serve(move |path| {
        counter.fetch_add(1, Ordering::Relaxed);
        file(&root, path.strip_prefix("/plugins-of-ours").unwrap())
    });
    let transport = transport_for(&format!("{base}/plugins-of-ours"), None).unwrap();
    assert_eq!(transport.location(), format!("{base}/plugins-of-ours/"));
    let store = Store::in_memory(&world.operator.first_root().unwrap());
    let mut client = Client::new(store, transport, Layout::Publishers);
    block_on(async {
        client.refresh(now()).await.unwrap();
        let target = client.resolve(&path(COMPONENT), now()).await.unwrap();
        assert_eq!(client.fetch(&target).await.unwrap().len() as u64, target.length_bytes);
        let before = asked.load(Ordering::Relaxed);
        client.refresh(now()).await.unwrap();
        client.resolve(&path(COMPONENT), now()).await.unwrap();
        // Whether there is another root, and the timestamp: nothing else is asked for twice.
        assert_eq!(asked.load(Ordering::Relaxed) - before, 2);
    });
}

#[test]
fn a_server_that_sends_elsewhere_or_without_end_is_not_followed() {
    let elsewhere = serve(|_| response("200 OK", "", b"elsewhere"));
    let base = serve(move |path| match path.rsplit_once('/').map_or("", |(_, file)| file) {
        "away.json" => response("302 Found", &format!("location: {elsewhere}/x\r\n"), b""),
        "inside.json" => response("302 Found", "location: /metadata/here.json\r\n", b""),
        "circle.json" => response("302 Found", "location: /metadata/circle.json\r\n", b""),
        "here.json" => response("200 OK", "", b"here"),
        "forbidden.json" => response("403 Forbidden", "", b""),
        "broken.json" => response("500 Oops", "", b"oops"),
        // Says little and sends much, and does not say how much and sends without end.
        "long.json" => response("200 OK", "", &[b'x'; 1000]),
        "endless.json" => {
            let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
            [head, vec![b'x'; 1 << 20]].concat()
        }
        "short.json" => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec(),
        _ => response("404 Not Found", "", b""),
    });
    let http = Http::new(&base, None).unwrap();
    block_on(async {
        assert_eq!(http.metadata("inside.json", 10).await.unwrap().unwrap(), b"here");
        assert_eq!(http.metadata("absent.json", 10).await.unwrap(), None);
        assert_eq!(http.metadata("forbidden.json", 10).await.unwrap(), None);
        for file in ["away.json", "circle.json", "broken.json", "short.json"] {
            let error = http.metadata(file, 200).await.unwrap_err();
            assert!(matches!(error, Error::Transport { .. }), "{file}: {error}");
        }
        for file in ["long.json", "endless.json"] {
            let error = http.metadata(file, 999).await.unwrap_err();
            assert!(matches!(error, Error::Oversize { limit_bytes: 999, .. }), "{file}: {error}");
        }
        assert_eq!(http.metadata("long.json", 1000).await.unwrap().unwrap().len(), 1000);
    });
}

#[test]
fn a_place_that_cannot_be_used_is_said_without_its_secrets() {
    for bad in [
        "ftp://example.org/",
        "https://",
        "https://user:hunter2@example.org/",
        "https://example.org/?token=hunter2",
        "ssh://user:hunter2@example.org/ x",
    ] {
        let error = transport_for(bad, None).err().unwrap();
        assert!(matches!(error, Error::Transport { .. }), "{bad}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let missing = Path::new("/does/not/exist.pem");
    let http = Http::new("https://127.0.0.1:1/", Some(missing)).unwrap();
    let error = block_on(http.metadata("timestamp.json", 10)).unwrap_err();
    assert!(error.to_string().contains("exist.pem"), "{error}");
}

#[test]
fn a_folder_with_pipes_and_devices_in_it_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = folder.path().join("metadata");
    std::fs::create_dir(&metadata).unwrap();
    let pipe = metadata.join("timestamp.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", metadata.join("zero.json")).unwrap();
    std::fs::write(metadata.join("long.json"), [0; 11]).unwrap();
    let transport = Folder::new(folder.path());
    block_on(async {
        for file in ["timestamp.json", "zero.json"] {
            assert!(matches!(transport.metadata(file, 10).await, Err(Error::Transport { .. })), "{file}");
        }
        assert!(matches!(transport.metadata("long.json", 10).await, Err(Error::Oversize { .. })));
        assert_eq!(transport.metadata("absent.json", 10).await.unwrap(), None);
    });
}
