//! The guest's cache, filled.

use serde_json::json;

use crate::stage::{Stage, still_serves};

#[tokio::test]
async fn holds_a_mebibyte_of_the_newest() {
    let mut play = Stage::new().open().await;
    // Ten bytes of key and 1014 of value: 1024 of them fit, to the byte.
    let seen = play.play(json!({ "cache": { "values": 3000, "bytes": 1014 } })).await;
    assert_eq!(seen, json!({ "kept": 1024, "first": 1976, "last": 2999 }));
    still_serves().await;
}

#[tokio::test]
async fn holds_nothing_that_is_larger() {
    let mut play = Stage::new().open().await;
    let fits = (1 << 20) - 10;
    let seen = play.play(json!({ "cache": { "values": 1, "bytes": fits + 1 } })).await;
    assert_eq!(seen["kept"], 0);
    let seen = play.play(json!({ "cache": { "values": 2, "bytes": fits } })).await;
    assert_eq!(seen, json!({ "kept": 1, "first": 1, "last": 1 }));
    still_serves().await;
}
