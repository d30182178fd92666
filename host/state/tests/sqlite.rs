//! The embedded engine against the contract.

use std::sync::{Arc, Mutex};

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
