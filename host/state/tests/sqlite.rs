//! The embedded engine against the contract.

use std::sync::{Arc, Barrier, Mutex};

use proptest::prelude::*;
use skywright_state::{SqliteStore, Store};

use crate::contract;

#[tokio::test]
async fn contract() {
    let folders = Mutex::new(Vec::new());
    contract::check(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path().join("state.db")).unwrap());
        folders.lock().unwrap().push(folder);
        store as Arc<dyn Store>
    })
    .await;
}

#[test]
fn all_who_make_the_file_at_once_get_the_same() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/state.db");
        let together = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    together.wait();
                    SqliteStore::open(&path).unwrap();
                });
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn model(transactions in contract::any_steps()) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("state.db")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(contract::check_model(&store, &transactions));
    }
}
