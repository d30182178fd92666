//! What every engine must do, whichever it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use skywright_state::{
    Error, Holder, Key, Lease, LeaseClaim, LeaseId, LeaseRequest, MAX_TRANSACTION_KEYS, MAX_VALUE_BYTES,
    Prefix, Store, StoreExt, Transaction, Version,
};

/// All of it, each part on a fresh and empty store.
pub(crate) async fn check(fresh: impl Fn() -> Arc<dyn Store>) {
    a_value_comes_back(&*fresh()).await;
    a_prefix_lists_what_is_below(&*fresh()).await;
    a_transaction_is_all_or_nothing(&*fresh()).await;
    versions_never_come_again(&*fresh()).await;
    there_are_limits(&*fresh()).await;
    json_is_typed(&*fresh()).await;
    leases_exclude_each_other(&fresh()).await;
    leases_are_taken_together(&fresh()).await;
    a_lease_is_waited_for(&fresh()).await;
    the_dead_hold_nothing(&fresh()).await;
    who_cannot_be_seen_has_to_renew(&fresh()).await;
    a_lost_lease_commits_nothing(&fresh()).await;
    who_no_longer_waits_holds_nothing(&fresh()).await;
}

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn me() -> Holder {
    Holder::current("contract").unwrap()
}

/// A process that has certainly ended.
fn dead() -> Holder {
    Holder { process_start_ticks: 1, process_id: u32::MAX >> 1, ..me() }
}

/// A process that nothing is known of.
fn elsewhere() -> Holder {
    Holder { boot_id: "another".to_owned(), host_name: "far".to_owned(), ..me() }
}

async fn put(store: &dyn Store, text: &str, value: &[u8]) -> Version {
    store.commit(Transaction::new().put(key(text), value)).await.unwrap().version
}

async fn keys(store: &dyn Store, prefix: &Prefix) -> Vec<String> {
    store.list(prefix).await.unwrap().into_iter().map(|entry| entry.key.to_string()).collect()
}

async fn a_value_comes_back(store: &dyn Store) {
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    for value in [&b"one"[..], b"", &[0, 255, 0]] {
        let version = put(store, "a", value).await;
        let entry = store.get(&key("a")).await.unwrap().unwrap();
        assert_eq!((entry.value.as_slice(), entry.version, entry.key), (value, version, key("a")));
    }
    store.commit(Transaction::new().delete(key("a")).delete(key("nosuch"))).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
}

async fn a_prefix_lists_what_is_below(store: &dyn Store) {
    for text in ["hosts/web/disk", "hosts", "hosts0", "hosts-old/web", "hosts/web", "hosts/db", "a", "ö"] {
        put(store, text, b"").await;
    }
    let below = key("hosts").below();
    assert_eq!(keys(store, &below).await, ["hosts/db", "hosts/web", "hosts/web/disk"]);
    assert_eq!(keys(store, &key("nosuch").below()).await, [""; 0]);
    let all = keys(store, &Prefix::all()).await;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted());
}

async fn a_transaction_is_all_or_nothing(store: &dyn Store) {
    let first = put(store, "a", b"1").await;
    let second = put(store, "b", b"1").await;
    // The last condition fails, after all the others hold.
    let failing = Transaction::new()
        .require(key("a"), first)
        .put(key("a"), "2")
        .delete(key("b"))
        .create(key("c"), "2")
        .require(key("b"), first);
    let error = store.commit(failing).await.unwrap_err();
    let Error::Conflict { key: which, expected, found } = error else { panic!("{error}") };
    assert_eq!((which, expected, found), (key("b"), first, second));
    assert_eq!(keys(store, &Prefix::all()).await, ["a", "b"]);
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, b"1");
    let there = store.commit(Transaction::new().create(key("a"), "2")).await.unwrap_err();
    assert_eq!(there.to_string(), "`a` was changed by somebody else: it is there already");
    let gone = store.commit(Transaction::new().require(key("z"), first)).await.unwrap_err();
    assert_eq!(gone.to_string(), "`z` was changed by somebody else: it is no longer there");
    let both = Transaction::new().require(key("a"), first).require(key("a"), second);
    assert!(store.commit(both).await.is_err(), "all conditions of a key count");
    let committed = store
        .commit(Transaction::new().require(key("a"), first).put(key("a"), "2").create(key("c"), "2"))
        .await
        .unwrap();
    for entry in store.list(&Prefix::all()).await.unwrap() {
        let expected = if entry.key == key("b") { second } else { committed.version };
        assert_eq!(entry.version, expected);
    }
    let last = Transaction::new().put(key("a"), "3").put(key("a"), "4").put(key("c"), "5").delete(key("c"));
    store.commit(last).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, b"4");
    assert_eq!(store.get(&key("c")).await.unwrap(), None);
    let latest = store.get(&key("a")).await.unwrap().unwrap().version;
    assert_eq!(store.commit(Transaction::new()).await.unwrap().version, latest);
}

async fn versions_never_come_again(store: &dyn Store) {
    let before = put(store, "a", b"1").await;
    store.commit(Transaction::new().delete(key("a"))).await.unwrap();
    let after = put(store, "a", b"1").await;
    assert!(after > before);
    assert!(before > Version::ABSENT);
    let stale = Transaction::new().require(key("a"), before).put(key("a"), "2");
    assert!(matches!(store.commit(stale).await, Err(Error::Conflict { .. })));
}

async fn there_are_limits(store: &dyn Store) {
    let many =
        |count| (0..count).fold(Transaction::new(), |all, n| all.create(key(&format!("many/{n}")), "x"));
    store.commit(many(MAX_TRANSACTION_KEYS)).await.unwrap();
    let error = store.commit(many(MAX_TRANSACTION_KEYS + 1)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let value = |bytes| Transaction::new().put(key("large"), vec![7; bytes]);
    store.commit(value(MAX_VALUE_BYTES)).await.unwrap();
    let error = store.commit(value(MAX_VALUE_BYTES + 1)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(store.get(&key("large")).await.unwrap().unwrap().value.len(), MAX_VALUE_BYTES);
}

async fn json_is_typed(store: &dyn Store) {
    let value = BTreeMap::from([("size".to_owned(), 3)]);
    let transaction = Transaction::new().put_json(key("j/a"), &value).unwrap();
    let committed = store.commit(transaction).await.unwrap();
    let found = store.get_json::<BTreeMap<String, i32>>(&key("j/a")).await.unwrap().unwrap();
    assert_eq!((found.value, found.version, found.key), (value, committed.version, key("j/a")));
    assert_eq!(store.list_json::<BTreeMap<String, i32>>(&key("j").below()).await.unwrap().len(), 1);
    assert_eq!(store.get_json::<String>(&key("j/b")).await.unwrap(), None);
    put(store, "j/b", br#"{"size": "hunter2"}"#).await;
    let error = store.list_json::<BTreeMap<String, i32>>(&key("j").below()).await.unwrap_err();
    let expected = "the value of `j/b` cannot be read: it is JSON of another shape, line 1 column 18";
    assert_eq!(error.to_string(), expected);
    assert!(!format!("{error:?}").contains("hunter2"));
    let no_json = Transaction::new().put_json(key("j/c"), &BTreeMap::from([(vec![1], 1)]));
    assert!(no_json.unwrap_err().to_string().contains("`j/c`"));
}

async fn acquire(store: &Arc<dyn Store>, requests: &[LeaseRequest]) -> Result<Lease, Error> {
    Lease::acquire(store, requests, &me(), Duration::ZERO).await
}

fn alone(name: &str) -> LeaseRequest {
    LeaseRequest::exclusive(key(name))
}

fn shared(name: &str) -> LeaseRequest {
    LeaseRequest::shared(key(name))
}

async fn leases_exclude_each_other(store: &Arc<dyn Store>) {
    let cases = [(alone("a"), alone("a")), (alone("a"), shared("a")), (shared("a"), alone("a"))];
    for (first, second) in cases {
        let held = acquire(store, std::slice::from_ref(&first)).await.unwrap();
        let error = acquire(store, std::slice::from_ref(&second)).await.unwrap_err();
        let Error::Held { name, holder } = &error else { panic!("{error}") };
        assert_eq!((name, holder.process_id), (&key("a"), std::process::id()));
        let expected = format!("`a` is held by process {} on ", std::process::id());
        assert!(error.to_string().starts_with(&expected), "{error}");
        acquire(store, &[alone("b")]).await.unwrap().release().await.unwrap();
        held.release().await.unwrap();
        acquire(store, &[second]).await.unwrap().release().await.unwrap();
    }
    let readers =
        [acquire(store, &[shared("a")]).await.unwrap(), acquire(store, &[shared("a")]).await.unwrap()];
    let [first, second] = readers;
    drop(first);
    assert!(acquire(store, &[alone("a")]).await.is_err(), "one of two still reads");
    drop(second);
    acquire(store, &[alone("a")]).await.unwrap();
}

async fn leases_are_taken_together(store: &Arc<dyn Store>) {
    let held = acquire(store, &[alone("b")]).await.unwrap();
    assert!(acquire(store, &[alone("a"), alone("b")]).await.is_err());
    let a = acquire(store, &[alone("a")]).await.unwrap();
    drop((held, a));
    // Twice the same name is the stronger mode, and no quarrel with oneself.
    let both = acquire(store, &[shared("a"), alone("b"), alone("a")]).await.unwrap();
    assert_eq!(both.requests(), [alone("a"), alone("b")]);
    assert!(acquire(store, &[shared("a")]).await.is_err());
    assert!(acquire(store, &[shared("b")]).await.is_err());
}

async fn a_lease_is_waited_for(store: &Arc<dyn Store>) {
    let held = acquire(store, &[alone("a")]).await.unwrap();
    let wait = Duration::from_millis(30);
    let began = std::time::Instant::now();
    assert!(Lease::acquire(store, &[alone("a")], &me(), wait).await.is_err());
    assert!(began.elapsed() >= wait);
    let (waiting, holder, requests) = (Arc::clone(store), me(), [alone("a")]);
    let waiting = tokio::spawn(async move {
        Lease::acquire(&waiting, &requests, &holder, Duration::MAX).await.unwrap();
    });
    tokio::time::sleep(wait).await;
    assert!(!waiting.is_finished());
    held.release().await.unwrap();
    waiting.await.unwrap();
}

fn claim(name: &str, holder: Holder, time_to_live: Duration) -> LeaseClaim {
    LeaseClaim { id: LeaseId::random().unwrap(), requests: vec![alone(name)], holder, time_to_live }
}

async fn the_dead_hold_nothing(store: &Arc<dyn Store>) {
    let claim = claim("a", dead(), Duration::MAX);
    store.try_lease(&claim).await.unwrap();
    let lease = acquire(store, &[alone("a")]).await.unwrap();
    assert!(!store.renew_lease(&claim.id, Duration::MAX).await.unwrap());
    assert!(store.renew_lease(lease.id(), Duration::MAX).await.unwrap());
}

async fn who_cannot_be_seen_has_to_renew(store: &Arc<dyn Store>) {
    let far = claim("a", elsewhere(), Duration::MAX);
    store.try_lease(&far).await.unwrap();
    let error = acquire(store, &[alone("a")]).await.unwrap_err();
    assert!(error.to_string().contains(" on far (contract) since "), "{error}");
    assert!(store.renew_lease(&far.id, Duration::ZERO).await.unwrap());
    let lease = acquire(store, &[alone("a")]).await.unwrap();
    assert!(!store.renew_lease(&far.id, Duration::MAX).await.unwrap());
    // Who lives and can be seen keeps it, whatever the clock says.
    assert!(store.renew_lease(lease.id(), Duration::ZERO).await.unwrap());
    assert!(acquire(store, &[alone("a")]).await.is_err());
}

async fn a_lost_lease_commits_nothing(store: &Arc<dyn Store>) {
    let lease = acquire(store, &[alone("a")]).await.unwrap();
    let change = |value: &str| Transaction::new().require_lease(&lease).put(key("a"), value);
    store.commit(change("1")).await.unwrap();
    assert!(!lease.is_lost());
    store.release_lease(lease.id()).await.unwrap();
    let error = store.commit(change("2")).await.unwrap_err();
    assert!(matches!(&error, Error::LeaseLost { name } if *name == key("a")), "{error}");
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, b"1");
}

async fn who_no_longer_waits_holds_nothing(store: &Arc<dyn Store>) {
    for _ in 0..50 {
        let requests = [alone("a")];
        let holder = me();
        let mut attempt = Box::pin(Lease::acquire(store, &requests, &holder, Duration::ZERO));
        // Polled once, so that it is on its way, and dropped.
        tokio::select! {
            biased;
            result = &mut attempt => drop(result),
            () = std::future::ready(()) => {}
        }
        drop(attempt);
    }
    let wait = Duration::from_secs(60);
    Lease::acquire(store, &[alone("a")], &me(), wait).await.unwrap();
}

/// One step of a model: the key, whether and how its version is required, and the new value if any.
type Step = (u8, Option<bool>, Option<u8>);

pub(crate) fn any_steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = (0_u8..4, any::<Option<bool>>(), any::<Option<u8>>());
    prop::collection::vec(prop::collection::vec(step, 0..4), 1..12)
}

/// Transactions against a map that does the same.
pub(crate) async fn check_model(store: &dyn Store, transactions: &[Vec<Step>]) {
    let mut model: BTreeMap<Key, (u8, Version)> = BTreeMap::new();
    for steps in transactions {
        let mut transaction = Transaction::new();
        let mut holds = true;
        for (number, required, value) in steps {
            let key = key(&format!("k/{number}"));
            let version = model.get(&key).map_or(Version::ABSENT, |(_, version)| *version);
            transaction = match required {
                Some(true) => transaction.require(key.clone(), version),
                Some(false) => {
                    holds = false;
                    transaction.require(key.clone(), Version(version.0 + 1))
                }
                None => transaction,
            };
            transaction = match value {
                Some(value) => transaction.put(key, [*value]),
                None => transaction.delete(key),
            };
        }
        let committed = store.commit(transaction).await;
        assert_eq!(committed.is_ok(), holds);
        if let Ok(committed) = committed {
            for (number, _, value) in steps {
                let key = key(&format!("k/{number}"));
                match value {
                    Some(value) => model.insert(key, (*value, committed.version)),
                    None => model.remove(&key),
                };
            }
        }
        let listed = store.list(&key("k").below()).await.unwrap();
        let listed = listed.into_iter().map(|entry| (entry.key, (entry.value[0], entry.version)));
        assert_eq!(listed.collect::<BTreeMap<_, _>>(), model);
    }
}
