//! Ways to a machine, and what is in the way.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use skywright_ssh::{
    Client, ClientKey, Command, Connection, Error, HostKeys, PinnedKey, Role, Settings, Target,
};

use crate::rig::{Machine, Rig, tool};

async fn connect(target: &Target) -> Result<Connection, Error> {
    Client::new(Settings::default()).connect(target).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_gateway_is_gone_through_when_the_first_is_down() {
    let Some(mut rig) = Rig::start() else { return };
    let target = rig.target();
    // No answer at all.
    rig.unplug(Machine::First);
    let settings = Settings { fail_over_after: Duration::from_millis(200), ..Settings::default() };
    let connection = Client::new(settings).connect(&target).await.unwrap();
    assert_eq!(connection.via().unwrap().address, rig.address(Machine::Second));
    // Nobody listens.
    rig.plug_in(Machine::First);
    rig.kill(Machine::First);
    let connection = connect(&target).await.unwrap();
    assert_eq!(connection.via().unwrap().address, rig.address(Machine::Second));
    // It listens, but does not get on.
    rig.serve(Machine::First);
    rig.cut_off(Machine::First);
    let connection = connect(&target).await.unwrap();
    assert_eq!(connection.via().unwrap().address, rig.address(Machine::Second));

    rig.kill(Machine::Second);
    let error = connect(&target).await.unwrap_err();
    let Error::NoGateway { target: hop, failures } = &error else { panic!("{error}") };
    assert_eq!((hop.role, &hop.address), (Role::Target, &rig.address(Machine::Inner)));
    let text = error.to_string();
    for gateway in [Machine::First, Machine::Second] {
        assert!(text.contains(&format!("gateway {}:22", rig.address(gateway))), "{text}");
    }
    assert_eq!(failures.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_anew() {
    let Some(mut rig) = Rig::start() else { return };
    let connection = connect(&rig.target()).await.unwrap();
    rig.kill(Machine::First);
    let finished = connection.run(Command::shell("echo $SSH_CONNECTION")).await.unwrap();
    assert!(finished.status.is_success());
    rig.kill(Machine::Second);
    assert!(connection.run(Command::shell("true")).await.unwrap_err().is_unreachable());
    rig.serve(Machine::Second);
    assert!(connection.run(Command::shell("true")).await.unwrap().status.is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_wait_for_a_machine_that_is_down_fail_together() {
    let Some(mut rig) = Rig::start() else { return };
    let target = rig.target();
    let address = rig.address(Machine::Second);
    rig.kill(Machine::First);
    rig.unplug(Machine::Second);
    let settings = Settings { connect_timeout: Duration::from_secs(3), ..Settings::default() };
    let client = Client::new(settings);
    let connecting = (0..10).map(|_| client.connect(&target));
    // One after the other would take half a minute.
    let limit = Duration::from_secs(15);
    let ended = tokio::time::timeout(limit, futures_util::future::join_all(connecting)).await.unwrap();
    for error in ended {
        let error = error.unwrap_err();
        assert!(error.is_unreachable() && error.to_string().contains(&address), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_in_the_middle_has_an_unknown_outcome() {
    let Some(mut rig) = Rig::start() else { return };
    let connection = connect(&rig.target()).await.unwrap();
    let (begun, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let command = Command::shell("echo begun; sleep 4713").stream(Box::new(move |_, _| {
        let _ = begun.send(());
    }));
    let running = tokio::spawn(async move { connection.run(command).await });
    seen.recv().await.unwrap();
    rig.kill(Machine::First);
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Lost { hop, .. } if hop.role == Role::Target), "{error}");
    assert!(
        error.is_outcome_unknown() && error.to_string().contains(&rig.address(Machine::First)),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_pinned_key_will_do() {
    let Some(rig) = Rig::start() else { return };
    let stranger: PinnedKey = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap();
    let key = |machine| rig.host_key(machine).parse::<skywright_ssh::HostKey>().unwrap();

    let mut target = rig.target();
    target.endpoint.host_keys = HostKeys::Pinned(vec![stranger.clone()]);
    let error = connect(&target).await.unwrap_err();
    let Error::HostKeyMismatch { hop, expected, got } = &error else { panic!("{error}") };
    assert_eq!((hop.role, expected), (Role::Target, &vec![stranger.to_string()]));
    assert_eq!(*got, key(Machine::Inner).fingerprint());

    // A gateway that is somebody else is no reason to try the other one.
    let mut target = rig.target();
    target.gateways[0].host_keys = HostKeys::Pinned(Vec::new());
    let error = connect(&target).await.unwrap_err();
    assert!(matches!(&error, Error::HostKeyMismatch { hop, .. } if hop.role == Role::Gateway), "{error}");

    let mut target = rig.target();
    target.endpoint.host_keys = HostKeys::Pinned(vec![key(Machine::Inner).fingerprint().parse().unwrap()]);
    assert!(connect(&target).await.is_ok());
    target.endpoint.host_keys = HostKeys::Unknown;
    assert_eq!(*connect(&target).await.unwrap().host_key(), key(Machine::Inner));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_let_in_is_refused_there() {
    let Some(rig) = Rig::start() else { return };
    let other = rig.path("other");
    tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", other.to_str().unwrap()]);
    let text = std::fs::read_to_string(other).unwrap();
    let key = ClientKey::from_openssh(&text).unwrap();
    assert!(!format!("{key:?}").contains(text.lines().nth(2).unwrap()));
    let mut target = rig.target();
    target.endpoint.key = key;
    let error = connect(&target).await.unwrap_err();
    assert!(matches!(&error, Error::AuthRefused { hop, .. } if hop.role == Role::Target), "{error}");
    let error = Client::new(Settings::default()).connect_within(&target, Duration::from_secs(2)).await;
    assert!(matches!(error, Err(Error::AuthRefused { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ssh_server_is_told_apart() {
    let Some(rig) = Rig::start() else { return };
    let mut target = Target { endpoint: rig.endpoint(Machine::First), gateways: Vec::new() };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    target.endpoint.address = "127.0.0.1".to_owned();
    target.endpoint.port = silent.local_addr().unwrap().port();
    let settings = Settings { connect_timeout: Duration::from_millis(300), ..Settings::default() };
    let error = Client::new(settings).connect(&target).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");

    let talker = std::thread::spawn(move || {
        // Whoever hangs up is called again.
        for stream in silent.incoming().take(4) {
            let _ = stream.unwrap().write_all("HTTP/1.1 400 \x1b[2J\r\n".repeat(40).as_bytes());
        }
    });
    let error = connect(&target).await.unwrap_err();
    assert!(matches!(error, Error::Handshake { .. } | Error::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains('\x1b'), "{error}");
    drop(talker);

    for (address, user) in [("-oProxyCommand=x", "root"), ("a b", "root"), ("", "root"), ("host", "-l")] {
        let mut target = rig.target();
        target.endpoint.address = address.to_owned();
        target.endpoint.user = user.to_owned();
        assert_eq!(connect(&target).await.unwrap_err().code(), "argument");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_commands_at_once_share_connections() {
    let Some(rig) = Rig::with_options(&[(Machine::Second, "MaxSessions 3")]) else { return };
    let client = Client::new(Settings::default());
    let connection = client.connect(&rig.target()).await.unwrap();
    run_twenty(&connection).await;
    assert_eq!(sessions(&rig, Machine::First), 1);
    assert_eq!(sessions(&rig, Machine::Inner), 2);

    // A server that takes fewer sessions than usual gets more connections.
    let other = Target { endpoint: rig.endpoint(Machine::Second), gateways: Vec::new() };
    run_twenty(&client.connect(&other).await.unwrap()).await;
    assert_eq!(sessions(&rig, Machine::Second), 7);
    client.disconnect();
}

async fn run_twenty(connection: &Connection) {
    // Each waits until all are there.
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(20));
    let mut running = tokio::task::JoinSet::new();
    for index in 0..20 {
        let (connection, gate) = (connection.clone(), gate.clone());
        running.spawn(async move {
            let (begun, mut seen) = tokio::sync::mpsc::unbounded_channel();
            let (mut feed, stdin) = tokio::io::duplex(64);
            let command = Command::shell(format!("echo {index}; read line; exit {index}"))
                .stdin_from(stdin)
                .stream(Box::new(move |_, data| {
                    let _ = begun.send(data.to_vec());
                }));
            let releasing = async {
                let said = seen.recv().await;
                gate.wait().await;
                let _ = tokio::io::AsyncWriteExt::write_all(&mut feed, b"go\n").await;
                said
            };
            let (finished, said) = tokio::join!(connection.run(command), releasing);
            assert_eq!(finished.unwrap().status, skywright_ssh::ExitStatus::Code(index));
            assert_eq!(said, Some(format!("{index}\n").into_bytes()));
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

/// How many connections the machine has that are signed in.
fn sessions(rig: &Rig, machine: Machine) -> usize {
    rig.command_lines(machine).iter().filter(|line| line.starts_with("sshd: root")).count()
}
