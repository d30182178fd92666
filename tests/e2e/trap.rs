//! A guest that falls over.

use serde_json::json;
use skywright_runtime::Error;

use crate::stage::{PASSWORD, Stage, still_serves};

#[tokio::test]
async fn says_in_the_log_why_and_in_the_error_where() {
    let mut play = Stage::new().open().await;
    let message = format!("I know \u{1b}[31m{PASSWORD}");
    let error = play.try_play(&json!({ "panic": message })).await.unwrap_err();
    let Error::Trap(report) = &error else { panic!("{error}") };
    assert_eq!(
        (report.plugin.as_str(), report.function.as_str()),
        ("skywright-tests/hostile", "driver.poll")
    );
    assert_eq!(report.cause, "wasm trap: wasm `unreachable` instruction executed");
    assert!(report.backtrace.iter().any(|frame| frame.contains("scenario::fall_over")), "{error}");
    assert_eq!(report.core_dump, None);
    let log = play.log();
    let [line] = &log[..] else { panic!("one line: {log:?}") };
    assert!(line.starts_with("skywright-tests/hostile Error panicked at src/scenario.rs:"), "{line}");
    assert!(line.ends_with(" I know ***"), "{line}");

    let again = play.try_play(&json!({ "available": "password" })).await.unwrap_err();
    assert!(again.to_string().contains("on an instance that has failed before"), "{again}");
    still_serves().await;
}
