//! What several tests need.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skywright_egress::{EndpointGrant, Grant, Proxy, Secret, SystemResolver};
use skywright_objects::{
    Bucket, Credentials, DataPlane, Keys, Lister, Network, ObjectName, Protocol, Settings, StaticCredentials,
    Store,
};

pub(crate) const ACCESS_KEY: &str = "AKPLANTEDACCESSKEY";
pub(crate) const SECRET_KEY: &str = "planted/secret+key/of/thirty-two";
pub(crate) const TOKEN: &str = "planted-token-0123456789";

pub(crate) fn network(endpoint: &str) -> Network {
    let pattern = skywright_egress::origin_of(&endpoint.parse().unwrap()).parse().unwrap();
    let endpoint = EndpointGrant {
        name: "objects".to_owned(),
        pattern,
        credentials: ["key".to_owned()].into(),
        plaintext_credentials: true,
    };
    let grant = Grant { endpoints: vec![endpoint], proxy: Proxy::None, ..Grant::default() };
    Network { grant: Arc::new(grant), resolver: Arc::new(SystemResolver) }
}

pub(crate) fn no_network() -> Network {
    Network { grant: Arc::new(Grant::default()), resolver: Arc::new(SystemResolver) }
}

pub(crate) fn plane(protocol: Protocol, endpoint: &str) -> DataPlane {
    DataPlane { protocol, endpoint: endpoint.to_owned(), region: None, attributes: BTreeMap::new() }
}

/// As by default, but hasty.
pub(crate) fn hasty() -> Settings {
    Settings {
        retries: 2,
        retry_delay: Duration::from_millis(1),
        answer_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
        ..Settings::default()
    }
}

pub(crate) fn access_keys() -> Keys {
    Keys::Access {
        access_key: Secret::new(ACCESS_KEY),
        secret_key: Secret::new(SECRET_KEY),
        session_token: None,
    }
}

pub(crate) async fn local(root: &Path) -> Bucket {
    std::fs::create_dir_all(root.join("bucket")).unwrap();
    let plane = plane(Protocol::Local, root.to_str().unwrap());
    let keys = Arc::new(StaticCredentials(Keys::None));
    let store = Store::open(plane, keys, no_network(), hasty()).await.unwrap();
    store.bucket("bucket").await.unwrap()
}

pub(crate) async fn remote(
    protocol: Protocol,
    endpoint: &str,
    credentials: Arc<dyn Credentials>,
    settings: Settings,
) -> Store {
    Store::open(plane(protocol, endpoint), credentials, network(endpoint), settings).await.unwrap()
}

pub(crate) fn name(text: &str) -> ObjectName {
    ObjectName::new(text).unwrap()
}

pub(crate) async fn names(mut lister: Lister) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(entry) = lister.next().await.unwrap() {
        names.push(entry.name);
    }
    names.sort();
    names
}

pub(crate) async fn content(bucket: &Bucket, object: &str) -> Vec<u8> {
    let mut reader = bucket.read(&name(object), 0..u64::MAX).await.unwrap();
    let mut content = Vec::new();
    while let Some(bytes) = reader.next().await.unwrap() {
        content.extend_from_slice(&bytes);
    }
    content
}

/// Files by name, below a folder.
pub(crate) fn write_files(root: &Path, files: &[(&str, &[u8])]) {
    for (name, content) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// All files below a folder, by name.
pub(crate) fn read_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
