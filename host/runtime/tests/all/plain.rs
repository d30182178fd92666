//! Guests that do nothing wrong.

use serde_json::json;
use skywright_runtime::{Allocation, Limits};

use crate::guest::{Guest, alive, call, engine, engine_with, poll};

#[tokio::test]
async fn a_plain_guest_answers() {
    let plugin = engine(Limits::default()).load(&Guest::default().plugin()).await.unwrap();
    assert_eq!(poll(&plugin).await.unwrap(), json!({ "done": "" }));
    let described = call(&plugin, "driver.describe", &[]).await.unwrap();
    assert_eq!(described["settings"], json!([]));
    assert_eq!(plugin.describe_provider().await.unwrap().endpoints.len(), 0);
}

#[tokio::test]
async fn the_pool_serves_as_well() {
    alive(&engine_with(Limits::default(), Allocation::Pooling { instances: 4 })).await;
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named() {
    let plugin = engine(Limits::default()).load(&Guest::default().plugin()).await.unwrap();
    let message = async |function, args: &[serde_json::Value]| {
        call(&plugin, function, args).await.unwrap_err().to_string()
    };
    assert_eq!(message("driver.poll", &[]).await, "arguments expected: 1 (token); given: 0");
    assert_eq!(message("driver.poll", &[json!(7)]).await, "token: expected a string, found 7");
    let error = message("driver.fly", &[]).await;
    assert_eq!(error, "the plugin has no function `driver.fly`");
}

#[tokio::test]
async fn growth_beyond_the_guests_own_maximum_fails_and_is_not_counted() {
    let memory = r#"(memory (export "memory") 1 2)"#;
    let items = "(table $t 1 2 funcref) (global $n (mut i32) (i32.const 0))";
    let poll = "(loop $again
        (drop (memory.grow (i32.const 1000)))
        (drop (table.grow $t (ref.null func) (i32.const 50000)))
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (global.get $n) (i32.const 100))))
      (i32.const 1024)";
    let guest = Guest { memory, items, poll, ..Guest::default() };
    let plugin = engine(Limits::default()).load(&guest.plugin()).await.unwrap();
    assert_eq!(crate::guest::poll(&plugin).await.unwrap(), json!({ "done": "" }));
}
