//! Stores that fail, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use skywright_contract::Category;
use skywright_egress::{BoxFuture, Secret};
use skywright_objects::{
    Bucket, Credentials, CredentialsError, Error, Keys, Prefix, PresignedAction, Protocol, StaticCredentials,
    Store,
};

use crate::server::{Answer, Server, answer};
use crate::stage::{
    ACCESS_KEY, SECRET_KEY, TOKEN, access_keys, content, hasty, name, network, no_network, plane, read_files,
    remote,
};

async fn s3(server: &Server) -> Bucket {
    let keys = Arc::new(StaticCredentials(access_keys()));
    remote(Protocol::S3, &server.url, keys, hasty()).await.bucket("bucket").await.unwrap()
}

/// All that a person may see of an error.
fn shown(error: &Error) -> String {
    format!("{error} | {error:?} | {:?}", error.hint())
}

fn assert_nothing_secret(text: &str) {
    for secret in
        [ACCESS_KEY, SECRET_KEY, TOKEN, "X-Amz-", "x-amz-", "Signature=", "Credential=", "StringToSign"]
    {
        assert!(!text.contains(secret), "`{secret}` in {text}");
    }
}

fn always(status: &'static str, body: &'static str) -> Answer {
    Box::new(move |_, _| answer(status, "", body))
}

#[tokio::test]
async fn each_status_has_its_category_and_its_words_stay_away() {
    const ECHO: &str = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4 AKPLANTEDACCESSKEY</StringToSign></Error>";
    const PAGE: &str = "<html><h1>planted-token-0123456789</h1>?X-Amz-Signature=0</html>";
    let cases = [
        ("500 Oops", PAGE, Category::Unavailable, 3),
        ("503 Busy", PAGE, Category::Unavailable, 3),
        ("503 Busy", "<Error><Code>SlowDown</Code></Error>", Category::RateLimited, 3),
        ("429 Slow", PAGE, Category::RateLimited, 3),
        ("403 No", PAGE, Category::Forbidden, 1),
        ("403 No", ECHO, Category::Unauthenticated, 1),
        ("401 No", PAGE, Category::Unauthenticated, 1),
        ("404 No", "<Error><Code>NoSuchBucket</Code></Error>", Category::NotFound, 1),
        ("400 No", PAGE, Category::InvalidRequest, 1),
        ("302 There", PAGE, Category::Other, 1),
        ("507 Full", PAGE, Category::Quota, 1),
        ("200 OK", PAGE, Category::Other, 1),
    ];
    for (status, body, category, requests) in cases {
        let server = Server::start(always(status, body)).await;
        let bucket = s3(&server).await;
        let error = bucket.list(&Prefix::default(), true).await.unwrap_err();
        assert_eq!(error.category(), category, "{status}: {error}");
        assert_nothing_secret(&shown(&error));
        assert_eq!(server.asked().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_not_seen() {
    let server = Server::start(Box::new(|asked, number| match number {
        0 => answer("500 Oops", "", ""),
        1 => String::new(),
        _ if asked.is("HEAD") => {
            "HTTP/1.1 200 OK\r\netag: \"e\"\r\nconnection: close\r\ncontent-length: 3\r\n\r\n".to_owned()
        }
        _ => answer("200 OK", "", ""),
    }))
    .await;
    assert_eq!(s3(&server).await.stat(&name("x")).await.unwrap().size_bytes, 3);
    assert_eq!(server.asked().len(), 3);
}

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\netag: \"e\"\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")
}

#[tokio::test]
async fn a_download_that_is_cut_leaves_nothing() {
    let server = Server::start(Box::new(
        |asked, _| {
            if asked.is("HEAD") { head(100) } else { head(100) + "only this" }
        },
    ))
    .await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    std::fs::write(&target, "before").unwrap();
    let error = s3(&server).await.download(&name("x"), &target, &()).await.unwrap_err();
    assert_eq!(error.category(), Category::Unavailable, "{error}");
    assert_eq!(
        read_files(folder.path()).into_iter().collect::<Vec<_>>(),
        [("target".to_owned(), b"before".to_vec())]
    );

    let output = folder.path().join("all.zip");
    let listing = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>x</Key>\
        <LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag><Size>100</Size></Contents></ListBucketResult>";
    let server = Server::start(Box::new(move |asked, _| match asked {
        asked if asked.line.contains("list-type") => answer("200 OK", "", listing),
        asked if asked.is("HEAD") => head(100),
        _ => head(100) + "only this",
    }))
    .await;
    let error = s3(&server).await.archive(&Prefix::default(), &output, &()).await.unwrap_err();
    assert_eq!(error.category(), Category::Unavailable, "{error}");
    assert_eq!(read_files(folder.path()).len(), 1, "neither an archive nor a part of one");
}

#[tokio::test]
async fn a_download_goes_on_after_it_was_cut() {
    let server = Server::start(Box::new(|asked, number| {
        if asked.is("HEAD") {
            return head(10);
        }
        assert!(asked.headers.contains("if-match: \"e\""), "{}", asked.headers);
        let sent = if number == 1 { "012345" } else { "0123456789" };
        let range = "content-range: bytes 0-9/10";
        format!("HTTP/1.1 206 Partial\r\netag: \"e\"\r\n{range}\r\nconnection: close\r\ncontent-length: 10\r\n\r\n{sent}")
    }))
    .await;
    assert_eq!(content(&s3(&server).await, "x").await, b"0123456789");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn a_dropped_download_leaves_nothing() {
    let server = Server::start(Box::new(|_, _| head(8 << 20))).await;
    let folder = tempfile::tempdir().unwrap();
    let (bucket, object, target) = (s3(&server).await, name("x"), folder.path().join("target"));
    let download = bucket.download(&object, &target, &());
    let _ = tokio::time::timeout(Duration::from_millis(1), download).await;
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    assert!(read_files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_change_without_an_answer_may_have_been_made() {
    let server = Server::start(Box::new(|_, _| String::new())).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = s3(&server).await.upload(&file, &name("x"), &()).await.unwrap_err();
    assert_eq!(error.category(), Category::OutcomeUnknown, "{error}");
    assert_nothing_secret(&shown(&error));
}

#[tokio::test]
async fn names_that_lead_out_are_listed_and_never_written_or_deleted() {
    let names = ["../out", "a/../../out", "a//b", "ok"];
    let server = Server::start(Box::new(move |asked, _| {
        let contents: String = names
            .iter()
            .map(|name| {
                format!("<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"e\"</ETag><Size>2</Size></Contents>")
            })
            .collect();
        match asked {
            asked if asked.line.contains("list-type") => {
                answer("200 OK", "", &format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"))
            }
            asked if asked.is("HEAD") => head(2),
            asked if asked.is("DELETE") => "HTTP/1.1 204 No\r\nconnection: close\r\n\r\n".to_owned(),
            _ => head(2) + "ok",
        }
    }))
    .await;
    let bucket = s3(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let direction = skywright_objects::Direction::Download;
    let plan = bucket.plan(direction, &target, &Prefix::default(), Default::default()).await.unwrap();
    assert_eq!(plan.skipped.len(), 3, "{:?}", plan.skipped);
    bucket.run(&plan, &()).await.unwrap();
    assert_eq!(read_files(folder.path()).into_keys().collect::<Vec<_>>(), ["target/ok"]);
    let archived = bucket.archive(&Prefix::default(), &folder.path().join("x.zip"), &()).await.unwrap();
    assert_eq!((archived.objects, archived.skipped.len()), (1, 3));
    let cleared = bucket.clear(&Prefix::default(), &()).await.unwrap();
    assert_eq!((cleared.deleted, cleared.left.len()), (1, 3));
    let deleted: Vec<_> =
        server.asked().into_iter().filter(|asked| asked.is("DELETE") || asked.is("POST")).collect();
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert!(deleted[0].line.contains("/bucket/ok"), "{}", deleted[0].line);
}

/// Gives another token each time.
#[derive(Default)]
struct Renewing {
    renewed: AtomicUsize,
    keys: bool,
}

impl Renewing {
    fn keys(&self, number: usize) -> Keys {
        let text = format!("{TOKEN}{number}");
        if !self.keys {
            return Keys::Token(Secret::new(text));
        }
        let (access_key, secret_key) = (Secret::new(ACCESS_KEY), Secret::new(SECRET_KEY));
        Keys::Access { access_key, secret_key, session_token: Some(Secret::new(text)) }
    }
}

impl Credentials for Renewing {
    fn current(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(async { Ok(self.keys(self.renewed.load(Ordering::SeqCst))) })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(async { Ok(self.keys(self.renewed.fetch_add(1, Ordering::SeqCst) + 1)) })
    }
}

fn only_token(number: usize) -> Answer {
    Box::new(move |asked, _| {
        let token = format!("token: {TOKEN}{number}\r\n");
        if asked.headers.contains(&token) { head(1) } else { answer("401 No", "", "") }
    })
}

#[tokio::test]
async fn expired_keys_are_renewed_once() {
    for (protocol, keys) in [(Protocol::Swift, false), (Protocol::S3, true)] {
        let server = Server::start(only_token(1)).await;
        let credentials = Arc::new(Renewing { keys, ..Renewing::default() });
        let source: Arc<dyn Credentials> = Arc::clone(&credentials) as _;
        let store = remote(protocol, &server.url, source, hasty()).await;
        let bucket = store.bucket("bucket").await.unwrap();
        let (x, y) = (name("x"), name("y"));
        let (first, second) = tokio::join!(bucket.stat(&x), bucket.stat(&y));
        assert_eq!((first.unwrap().size_bytes, second.unwrap().size_bytes), (1, 1));
        assert_eq!(credentials.renewed.load(Ordering::SeqCst), 1, "{protocol}: together they ask once");

        let server = Server::start(only_token(7)).await;
        let credentials = Arc::new(Renewing { keys, ..Renewing::default() });
        let source: Arc<dyn Credentials> = Arc::clone(&credentials) as _;
        let bucket = remote(protocol, &server.url, source, hasty()).await.bucket("bucket").await.unwrap();
        let error = bucket.stat(&name("x")).await.unwrap_err();
        assert_eq!(error.category(), Category::Unauthenticated, "{error}");
        assert_nothing_secret(&shown(&error));
        assert_eq!((credentials.renewed.load(Ordering::SeqCst), server.asked().len()), (1, 2), "{protocol}");
    }
}

#[tokio::test]
async fn nothing_goes_where_the_grant_does_not_lead() {
    let server = Server::start(always("200 OK", "")).await;
    let open = |network| {
        let keys = Arc::new(StaticCredentials(access_keys()));
        Store::open(plane(Protocol::S3, &server.url), keys, network, hasty())
    };
    let error = open(no_network()).await.unwrap_err();
    assert_eq!(error.category(), Category::Forbidden, "{error}");
    let mut encrypted_only = network(&server.url);
    let mut grant = (*encrypted_only.grant).clone();
    grant.endpoints[0].plaintext_credentials = false;
    encrypted_only.grant = Arc::new(grant);
    let error = open(encrypted_only).await.unwrap_err();
    assert_eq!(error.category(), Category::Forbidden, "{error}");
    assert!(server.asked().is_empty());

    let keys = Arc::new(StaticCredentials(Keys::None));
    let gcs =
        Store::open(plane(Protocol::Gcs, "https://storage.googleapis.com"), keys, no_network(), hasty());
    assert_eq!(gcs.await.unwrap_err().category(), Category::Unsupported);
}

#[tokio::test]
async fn a_dead_store_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let keys = Arc::new(StaticCredentials(access_keys()));
    let bucket = remote(Protocol::S3, &url, keys, hasty()).await.bucket("bucket").await.unwrap();
    let error = bucket.stat(&name("x")).await.unwrap_err();
    assert_eq!(error.category(), Category::Unavailable, "{error}");
}

#[tokio::test]
async fn a_store_that_says_nothing_times_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let keys = Arc::new(StaticCredentials(access_keys()));
    let settings = skywright_objects::Settings { answer_timeout: Duration::from_millis(20), ..hasty() };
    let bucket = remote(Protocol::S3, &url, keys, settings).await.bucket("bucket").await.unwrap();
    let error = bucket.stat(&name("x")).await.unwrap_err();
    assert_eq!(error.category(), Category::Timeout, "{error}");
}

#[tokio::test]
async fn a_signed_url_is_whole_but_not_shown() {
    let server = Server::start(always("200 OK", "")).await;
    let bucket = s3(&server).await;
    let hour = Duration::from_secs(3600);
    let signed = bucket.presign(PresignedAction::Write, &name("d/x y"), hour).await.unwrap();
    let url = signed.url.expose();
    assert!(url.starts_with(&format!("{}/bucket/d/x%20y?", server.url)), "{url}");
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=3600"), "{url}");
    assert_eq!(signed.method, "PUT");
    assert_nothing_secret(&format!("{signed:?}"));
    for wrong in [Duration::ZERO, Duration::from_secs(8 * 24 * 3600)] {
        let error = bucket.presign(PresignedAction::Read, &name("x"), wrong).await.unwrap_err();
        assert_eq!(error.category(), Category::InvalidRequest);
    }
    assert!(server.asked().is_empty());
}
