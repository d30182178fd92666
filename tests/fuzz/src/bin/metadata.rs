//! Metadata of plugin repositories, before and behind the check of its signatures.
#![no_main]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use skywright_registry::tuf::document::{Document, Root, Signed, WholeSecond, cosign, sign_value, to_value};
use skywright_registry::tuf::operator::OwnerRequest;
use skywright_registry::tuf::{
    Client, KeyPair, Layout, Memory, Namespace, Revocations, Signer, Store, TargetPath, Verifier,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(signed) = Signed::read("fuzz", data) {
        // What is read can be written, and says the same.
        let key = key();
        let again = sign_value(&to_value(&signed.document).unwrap(), &[key]).unwrap();
        let read = Signed::read("fuzz", &again).unwrap();
        assert_eq!((read.document, read.canonical), (signed.document, signed.canonical));
        Signed::read("fuzz", &cosign("fuzz", data, &[key]).unwrap()).unwrap();
    }
    if let Ok(list) = Revocations::read(data)
        && let Ok(json) = list.to_json()
    {
        assert_eq!(Revocations::read(&json).unwrap(), list);
    }
    let _ = OwnerRequest::read(data);
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(path) = text.parse::<TargetPath>() {
            assert_eq!(path.as_str(), text);
            assert!(path.plugin().is_some() || path.namespace().is_none());
        }
        if let Ok(namespace) = text.parse::<Namespace>() {
            assert_eq!(namespace.as_str(), text);
        }
    }
    // Nothing here is signed as it has to be, so nothing may be trusted, whichever file it is.
    let bytes = || data.to_vec();
    refused(data, BTreeMap::new());
    refused(root(), BTreeMap::from([("2.root.json".to_owned(), bytes())]));
    refused(root(), BTreeMap::from([("timestamp.json".to_owned(), bytes())]));
});

fn refused(root: &[u8], metadata: BTreeMap<String, Vec<u8>>) {
    let transport = Arc::new(Memory { metadata, targets: BTreeMap::new() });
    let mut client = Client::new(Store::in_memory(root), transport, Layout::Publishers);
    assert!(ready(client.refresh("2026-11-22T00:00:00Z".parse().unwrap())).is_err());
    assert!(client.versions().is_err());
}

fn key() -> &'static dyn Signer {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::from_seed(&[1; 32]).unwrap())
}

fn root() -> &'static [u8] {
    static ROOT: OnceLock<Vec<u8>> = OnceLock::new();
    ROOT.get_or_init(|| {
        let keys = || (vec![key().public_key()], 1);
        let roles = ["root", "targets", "snapshot", "timestamp"].map(|role| (role, keys()));
        let expires = WholeSecond::new("2036-01-01T00:00:00Z".parse().unwrap());
        Document::Root(Root::new(1, expires, &roles.into())).sign(&[key()]).unwrap()
    })
}

/// Memory does not wait.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory waits"),
    }
}
