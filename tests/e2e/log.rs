//! Log lines that would deceive, tell a secret, or never end.

use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage, still_serves};

fn line(message: &str, fields: &[(&str, &str)]) -> Value {
    json!({ "log": { "message": message, "fields": fields } })
}

#[tokio::test]
async fn terminal_escapes_and_line_breaks() {
    let mut play = Stage::new().open().await;
    let message = "\u{1b}[2J\u{1b}]0;title\u{7}one\r\nskywright Error two\u{9b}31m\u{202e}\0";
    play.play(line(message, &[("\u{1b}[1mkey", "a\nb")])).await;
    assert_eq!(play.log(), ["skywright-tests/hostile Info one skywright Error two31m key=a b"]);
    still_serves().await;
}

#[tokio::test]
async fn secrets() {
    let mut play = Stage::new().open().await;
    let form =
        percent_encoding::utf8_percent_encode(PASSWORD, percent_encoding::NON_ALPHANUMERIC).to_string();
    let json = json!(PASSWORD).to_string();
    play.play(line(&format!("it is {PASSWORD}, {form}, {json}"), &[(PASSWORD, &form)])).await;
    assert_eq!(play.log(), ["skywright-tests/hostile Info it is ***, ***, \"***\" ***=***"]);
    still_serves().await;
}

#[tokio::test]
async fn a_long_line() {
    let mut play = Stage::new().open().await;
    // The secret lies across the place of the cut.
    let message = format!("{}{PASSWORD}{}", "x".repeat(4090), "y".repeat(1024));
    play.play(line(&message, &[])).await;
    let expected =
        format!("skywright-tests/hostile Info {}***{}… (1021 bytes cut)", "x".repeat(4090), "y".repeat(3));
    assert_eq!(play.log(), [expected]);
    still_serves().await;
}

#[tokio::test]
async fn more_lines_than_there_may_be() {
    let mut play = Stage::new().open().await;
    let message = "x".repeat(2 << 20);
    let error = play.try_play(&line(&message, &[])).await.unwrap_err();
    assert_eq!(error.to_string(), "the plugin met its limit `log-bytes`: 1048576 allowed, 2097152 asked for");
    assert!(play.log().is_empty());
    still_serves().await;
}
