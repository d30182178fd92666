//! Commands.

use std::time::Duration;

use skywright_ssh::{Client, Command, Error, ExitStatus, KeepLimit, Settings};

use crate::rig::{Machine, Rig};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_behind_the_gateway() {
    let Some(rig) = Rig::start() else { return };
    let client = Client::new(Settings::default());
    let connection = client.connect(&rig.target()).await.unwrap();
    assert_eq!(connection.via().unwrap().address, rig.address(Machine::First));

    let command = Command::shell("cat; echo error >&2; echo $SSH_CONNECTION; exit 7").stdin("input\n");
    let finished = connection.run(command).await.unwrap();
    assert_eq!(finished.status, ExitStatus::Code(7));
    assert_eq!(finished.output.stderr.to_text(), "error\n");
    let text = finished.output.stdout.to_text();
    assert!(text.starts_with("input\n"), "{text}");
    assert!(text.contains(&format!(" {} 22", rig.address(Machine::Inner))), "{text}");

    let words = ["printf", "%s|", "a b", "it's", "$HOME", "", "*"];
    let finished = connection.run(Command::arguments(words)).await.unwrap();
    assert_eq!(finished.output.stdout.to_text(), "a b|it's|$HOME||*|");

    let finished = connection.run(Command::shell("kill -KILL $$")).await.unwrap();
    assert_eq!(finished.status, ExitStatus::Signal { name: "KILL".to_owned(), core_dumped: false });
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_bounded() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let command = Command::shell("seq 1000000").keep(KeepLimit { head_bytes: 4, tail_bytes: 8 });
    let kept = connection.run(command).await.unwrap().output.stdout;
    assert_eq!((kept.head(), kept.tail().as_slice()), (&b"1\n2\n"[..], &b"1000000\n"[..]));
    assert_eq!(kept.total_bytes(), 6_888_896);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_ended_when_its_time_is_over() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let command = Command::shell("echo begun; sleep 4711; echo never").timeout(Duration::from_secs(2));
    let error = connection.run(command).await.unwrap_err();
    let Error::Timeout { ended: true, output: Some(output), .. } = &error else { panic!("{error}") };
    assert_eq!(output.stdout.to_text(), "begun\n");
    let left = rig.command_lines(Machine::Inner);
    assert!(!left.iter().any(|line| line.contains("4711")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_command_is_ended() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let run = connection.run(Command::shell("exec sleep 4712"));
    assert!(tokio::time::timeout(Duration::from_secs(3), run).await.is_err());
    is_soon_gone(&rig, "sleep 4712").await;
}

/// On a busy machine what ends a command may take longer than `settle` waits.
#[expect(clippy::panic, reason = "a test that cannot go on has failed")]
async fn is_soon_gone(rig: &Rig, word: &str) {
    for _ in 0..200 {
        if !rig.command_lines(Machine::Inner).iter().any(|line| line.contains(word)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it still runs: {:?}", rig.command_lines(Machine::Inner));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_command_line() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let (begun, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let command = Command::shell("printf %s \"$TOKEN\"; sleep 4714")
        .secret_environment("TOKEN", "planted-secret")
        .sudo()
        .timeout(Duration::from_secs(60))
        .stream(Box::new(move |_, data| {
            let _ = begun.send(data.to_vec());
        }));
    let running = tokio::spawn({
        let connection = connection.clone();
        async move { connection.run(command).await }
    });
    assert_eq!(seen.recv().await.unwrap(), b"planted-secret");
    let lines = rig.command_lines(Machine::Inner);
    assert!(lines.iter().any(|line| line.contains("4714")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("planted")), "{lines:?}");
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_heed_the_end_is_killed() {
    let Some(rig) = Rig::start() else { return };
    let client = Client::new(Settings::default());
    let connection = client.connect(&rig.target()).await.unwrap();
    let stubborn = "trap '' TERM; while :; do sleep 0.2; : 4715; done";
    let run = connection.run(Command::arguments(["sh", "-c", stubborn]));
    assert!(tokio::time::timeout(Duration::from_secs(2), run).await.is_err());
    client.settle().await;
    is_soon_gone(&rig, "4715").await;
}
