//! Real Swift with Keystone's tokens, and its S3. Skipped without `SKYWRIGHT_RIG_OPENSTACK`, which
//! `cargo xtask test` sets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use skywright_contract::Category;
use skywright_egress::{BoxFuture, Connections, Secret};
use skywright_objects::{
    Bucket, Compare, Credentials, CredentialsError, DataPlane, Direction, Keys, Prefix, PresignedAction,
    Protocol, Settings, StaticCredentials, Store, SyncOptions,
};

use crate::stage::{content, name, names, network, read_files, write_files};

/// A name of each kind that needs escaping somewhere.
const ODD: &str = "d/ü ö+&%?#=;'\"<>*[]~.txt";

/// The rig, with a bucket of its own.
struct Rig {
    access: Value,
    client: reqwest::Client,
    token: String,
    storage_url: String,
    bucket: String,
}

/// Where the rig is. `None` outside `cargo xtask test`.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
async fn rig(bucket: &str) -> Option<Rig> {
    let Some(access) = std::env::var_os("SKYWRIGHT_RIG_OPENSTACK") else {
        println!("skipped: no control plane; `cargo xtask test` starts one");
        return None;
    };
    let access: Value = serde_json::from_str(&std::fs::read_to_string(access).unwrap()).unwrap();
    let grant = network("http://127.0.0.1:1");
    let connections = Connections::new(grant.grant, grant.resolver);
    let client = connections.client_for(&"http://127.0.0.1:1".parse().unwrap()).await.unwrap();
    let (token, storage_url) = sign_in(&client, &access).await;
    let bucket = format!("objects-test-{bucket}-{}", std::process::id());
    let rig = Rig { access, client, token, storage_url, bucket };
    rig.ask("PUT").await;
    Some(rig)
}

impl Rig {
    /// Makes or removes the container. Buckets are the driver's, and none is here.
    async fn ask(&self, method: &str) -> u16 {
        let url = format!("{}/{}", self.storage_url, self.bucket);
        let request = self.client.request(method.parse().unwrap(), url).header("x-auth-token", &self.token);
        request.header("content-length", "0").send().await.unwrap().status().as_u16()
    }

    async fn swift(&self, credentials: Arc<dyn Credentials>) -> Bucket {
        self.open(Protocol::Swift, &self.storage_url, credentials).await
    }

    async fn s3(&self) -> Bucket {
        let key = |key: &str| Secret::new(self.access["keys"][key].as_str().unwrap());
        let (access_key, secret_key) = (key("s3_access_key"), key("s3_secret_key"));
        let keys = Keys::Access { access_key, secret_key, session_token: None };
        let url = self.access["s3_url"].as_str().unwrap();
        self.open(Protocol::S3, url, Arc::new(StaticCredentials(keys))).await
    }

    async fn open(&self, protocol: Protocol, endpoint: &str, credentials: Arc<dyn Credentials>) -> Bucket {
        let attributes = BTreeMap::new();
        let region = self.access["region"].as_str().map(ToOwned::to_owned);
        let plane = DataPlane { protocol, endpoint: endpoint.to_owned(), region, attributes };
        // The least part there is, so that a test is done soon.
        let settings = Settings { part_bytes: 0, ..Settings::default() };
        let store = Store::open(plane, credentials, network(endpoint), settings).await.unwrap();
        store.bucket(&self.bucket).await.unwrap()
    }

    fn token(&self) -> Arc<dyn Credentials> {
        Arc::new(StaticCredentials(Keys::Token(Secret::new(&*self.token))))
    }
}

/// A token of Keystone's, and the account's storage URL.
async fn sign_in(client: &reqwest::Client, access: &Value) -> (String, String) {
    let domain = |key: &str| json!({ "name": access[key] });
    let user = json!({ "name": access["username"], "password": access["password"], "domain": domain("user_domain") });
    let body = json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": user } },
        "scope": { "project": { "name": access["project"], "domain": domain("project_domain") } } } });
    let url = format!("{}/auth/tokens", access["auth_url"].as_str().unwrap());
    let request = client.post(url).header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let find = |list: &Value, key: &str, value: &str| {
        list.as_array().unwrap().iter().find(|item| item[key] == value).unwrap().clone()
    };
    let store = find(&body["token"]["catalog"], "type", "object-store");
    let public = find(&store["endpoints"], "interface", "public");
    (token, public["url"].as_str().unwrap().to_owned())
}

/// What both protocols have to do alike.
async fn whole_life(rig: &Rig, bucket: &Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let large: Vec<u8> = (0..(11_u32 << 20) + 5).map(|i| (i ^ (i >> 7)) as u8).collect();
    write_files(&source, &[("a", b"1"), (ODD, b"odd"), ("empty", b""), ("large", &large)]);
    let prefix = Prefix::new("backup").unwrap();
    let options = SyncOptions { delete: true, compare: Compare::Time };
    let up = bucket.plan(Direction::Upload, &source, &prefix, options).await.unwrap();
    assert_eq!(bucket.run(&up, &()).await.unwrap().moved, 4);
    let again = bucket.plan(Direction::Upload, &source, &prefix, options).await.unwrap();
    assert_eq!((again.steps.len(), again.same), (0, 4));

    let odd = format!("backup/{ODD}");
    assert_eq!(content(bucket, &odd).await, b"odd");
    assert!(content(bucket, "backup/large").await == large);
    let top = names(bucket.list(&Prefix::default(), false).await.unwrap()).await;
    assert_eq!(top, ["backup/"]);
    let all = names(bucket.list(&prefix.folder(), true).await.unwrap()).await;
    assert_eq!(all, ["backup/a", &odd, "backup/empty", "backup/large"]);

    let target = folder.path().join("target");
    let down = bucket.plan(Direction::Download, &target, &prefix, options).await.unwrap();
    bucket.run(&down, &()).await.unwrap();
    assert!(read_files(&target) == read_files(&source));
    let again = bucket.plan(Direction::Download, &target, &prefix, options).await.unwrap();
    assert_eq!((again.steps.len(), again.same), (0, 4));

    // The ETag shows what the time does not.
    write_files(&source, &[("a", b"2")]);
    std::fs::File::options()
        .write(true)
        .open(source.join("a"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    let lax = bucket.plan(Direction::Upload, &source, &prefix, options).await.unwrap();
    assert_eq!(lax.same, 4);
    let strict = SyncOptions { compare: Compare::Checksum, ..options };
    let strict = bucket.plan(Direction::Upload, &source, &prefix, strict).await.unwrap();
    let steps: Vec<_> = strict.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["a", "large"], "an object of several parts has no MD5");

    let output = folder.path().join("all.zip");
    let archived = bucket.archive(&Prefix::default(), &output, &()).await.unwrap();
    assert_eq!((archived.objects, archived.bytes), (4, large.len() as u64 + 4));

    // Large over large, so that old parts have to go; then everything.
    bucket.upload(&source.join("large"), &name("backup/large"), &()).await.unwrap();
    assert!(content(bucket, "backup/large").await == large);
    bucket.delete(&name("backup/large")).await.unwrap();
    assert_eq!(bucket.stat(&name("backup/large")).await.unwrap_err().category(), Category::NotFound);
    bucket.delete(&name("backup/large")).await.unwrap();
    let cleared = bucket.clear(&Prefix::default(), &()).await.unwrap();
    assert_eq!((cleared.deleted, cleared.left.len()), (3, 0), "nothing is left of large objects");
    assert_eq!(rig.ask("DELETE").await, 204, "a container goes only when nothing is in it");

    let error = bucket.list(&Prefix::default(), true).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound, "{error}");
    let error = bucket.plan(Direction::Download, &target, &prefix, options).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound, "a bucket that is not there is not an empty one");
    let error = bucket.upload(&source.join("a"), &name("a"), &()).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound, "{error}");
}

#[tokio::test]
async fn swift_keeps_what_it_is_given() {
    let Some(rig) = rig("swift").await else { return };
    let bucket = rig.swift(rig.token()).await;
    whole_life(&rig, &bucket).await;
    let signed = bucket.presign(PresignedAction::Read, &name("a"), Duration::from_secs(60)).await;
    assert_eq!(signed.unwrap_err().category(), Category::Unsupported);
}

#[tokio::test]
async fn s3_keeps_what_it_is_given() {
    let Some(rig) = rig("s3").await else { return };
    whole_life(&rig, &rig.s3().await).await;
}

#[tokio::test]
async fn a_signed_url_works_without_credentials() {
    let Some(rig) = rig("presign").await else { return };
    let bucket = rig.s3().await;
    let minute = Duration::from_secs(60);
    for (action, expected) in [(PresignedAction::Write, ""), (PresignedAction::Read, "signed")] {
        let signed = bucket.presign(action, &name(ODD), minute).await.unwrap();
        let mut request = rig.client.request(signed.method.parse().unwrap(), signed.url.expose());
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        if action == PresignedAction::Write {
            request = request.body("signed");
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{action:?}");
        assert_eq!(answer.text().await.unwrap(), expected);
    }
    bucket.clear(&Prefix::default(), &()).await.unwrap();
    assert_eq!(rig.ask("DELETE").await, 204);
}

/// Begins with a token that Keystone does not know.
struct Stale {
    good: String,
    renewed: AtomicUsize,
}

impl Credentials for Stale {
    fn current(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(async { Ok(Keys::Token(Secret::new("gAAAAA-stale"))) })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        self.renewed.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Keys::Token(Secret::new(&*self.good))) })
    }
}

#[tokio::test]
async fn a_stale_token_is_renewed_and_wrong_keys_are_named() {
    let Some(rig) = rig("stale").await else { return };
    let stale = Arc::new(Stale { good: rig.token.clone(), renewed: AtomicUsize::new(0) });
    let bucket = rig.swift(Arc::clone(&stale) as _).await;
    assert_eq!(names(bucket.list(&Prefix::default(), true).await.unwrap()).await, [""; 0]);
    assert_eq!(stale.renewed.load(Ordering::SeqCst), 1);

    let access_key = Secret::new(rig.access["keys"]["s3_access_key"].as_str().unwrap());
    let keys = Keys::Access { access_key, secret_key: Secret::new("wrong"), session_token: None };
    let url = rig.access["s3_url"].as_str().unwrap();
    let bucket = rig.open(Protocol::S3, url, Arc::new(StaticCredentials(keys))).await;
    let error = bucket.list(&Prefix::default(), true).await.unwrap_err();
    assert_eq!(error.category(), Category::Unauthenticated, "{error}");
    assert!(error.to_string().ends_with("(403 SignatureDoesNotMatch)"), "{error}");
    rig.ask("DELETE").await;
}
