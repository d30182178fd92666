//! Ports of one machine on another.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use skywright_ssh::{Client, Command, Settings, TunnelCallback};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{Machine, Rig};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn failures() -> (TunnelCallback, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let failed = move |error: &skywright_ssh::Error| {
        let _ = sender.send(error.code().to_owned());
    };
    (Arc::new(failed), receiver)
}

/// What the server at the other end says first.
async fn greeting(stream: &mut TcpStream) -> String {
    let mut greeting = [0; 8];
    stream.read_exact(&mut greeting).await.unwrap();
    String::from_utf8_lossy(&greeting).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_there_is_reached_here() {
    let Some(mut rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let (failed, mut failures) = failures();
    let address = rig.address(Machine::Inner);
    let tunnel = connection.forward_local(ANY, &address, 22, failed.clone()).await.unwrap();
    let here = tunnel.listens_on();
    assert!(here.ip().is_loopback());
    let mut stream = TcpStream::connect(here).await.unwrap();
    assert_eq!(greeting(&mut stream).await, "SSH-2.0-");

    // What is open ends with the connection; the tunnel goes on through the other gateway.
    rig.kill(Machine::First);
    assert!(stream.read_to_end(&mut Vec::new()).await.is_ok());
    assert_eq!(greeting(&mut TcpStream::connect(here).await.unwrap()).await, "SSH-2.0-");

    let nobody = connection.forward_local(ANY, &address, 1, failed.clone()).await.unwrap();
    let mut stream = TcpStream::connect(nobody.listens_on()).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(failures.recv().await.unwrap(), "ssh-refused");

    assert!(connection.forward_local(here, &address, 22, failed).await.is_err());
    tunnel.close().await;
    assert!(TcpStream::connect(here).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_here_is_reached_there() {
    let Some(mut rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let listener = TcpListener::bind(ANY).await.unwrap();
    let here = listener.local_addr().unwrap();
    let mut tunnel = connection.forward_remote(0, "127.0.0.1", here.port(), failures().0).await.unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"from here\n").await.unwrap();
    });
    let line = format!("exec 3<>/dev/tcp/127.0.0.1/{}; cat <&3", tunnel.listens_on().port());
    let finished = connection.run(Command::arguments(["bash", "-c", &line])).await.unwrap();
    assert_eq!(finished.output.stdout.to_text(), "from here\n");
    serving.await.unwrap();
    rig.kill(Machine::Inner);
    assert_eq!(tunnel.ended().await.code(), "connection-lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_leads_where_one_asks() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let tunnel = connection.forward_socks(ANY, failures().0).await.unwrap();
    let mut stream = TcpStream::connect(tunnel.listens_on()).await.unwrap();
    let address: Ipv4Addr = rig.address(Machine::Inner).parse().unwrap();
    let request = [&[5, 1, 0, 5, 1, 0, 1][..], &address.octets(), &[0, 22]].concat();
    stream.write_all(&request).await.unwrap();
    let mut answers = [0; 12];
    stream.read_exact(&mut answers).await.unwrap();
    assert_eq!(answers[..4], [5, 0, 5, 0]);
    assert_eq!(greeting(&mut stream).await, "SSH-2.0-");
}
