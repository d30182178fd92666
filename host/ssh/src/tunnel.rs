//! Ports of one machine that are reached on another.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use russh::client::Msg;
use russh::{Channel, ChannelStream};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::Client;
use crate::connection::Connection;
use crate::error::Error;
use crate::link::Link;
use crate::socks;
use crate::target::Target;

/// How much is moved at once.
const PIECE_BYTES: usize = 64 << 10;

/// What is told when a connection could not be passed on. The tunnel goes on.
pub type TunnelCallback = Arc<dyn Fn(&Error) + Send + Sync>;

/// A tunnel, which ends when it is dropped, and with it what goes through it.
///
/// It has connections of its own, so that somebody who does not read holds up nobody but those who use the
/// same tunnel. What it has no limit for is how many use it at once.
#[derive(Debug)]
pub struct Tunnel {
    listens_on: SocketAddr,
    task: JoinHandle<Error>,
}

impl Tunnel {
    /// Where it listens: here, or there if it leads from there to here.
    #[must_use]
    pub fn listens_on(&self) -> SocketAddr {
        self.listens_on
    }

    /// Waits until it cannot go on. One that leads from here to there makes its connection anew and goes on
    /// for as long as it can listen.
    pub async fn ended(&mut self) -> Error {
        (&mut self.task).await.unwrap_or_else(|_| Error::Internal("a tunnel's task has ended".to_owned()))
    }

    /// Ends it, and waits until its port is free.
    pub async fn close(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where connections lead to.
#[derive(Clone)]
enum Exit {
    Fixed(String, u16),
    Asked,
}

impl Connection {
    /// Passes connections to `bind` on this machine (port 0: any that is free) on to `address` and `port` as the
    /// remote machine reaches them.
    ///
    /// # Errors
    ///
    /// [`Error::Local`] if `bind` cannot be listened on; any of [`Client::connect`]'s.
    pub async fn forward_local(
        &self,
        bind: SocketAddr,
        address: &str,
        port: u16,
        failed: TunnelCallback,
    ) -> Result<Tunnel, Error> {
        self.forward(bind, Exit::Fixed(address.to_owned(), port), failed).await
    }

    /// A SOCKS5 proxy without passwords at `bind` on this machine, whose connections start from the remote
    /// machine. Names are resolved there.
    ///
    /// # Errors
    ///
    /// As [`forward_local`](Self::forward_local).
    pub async fn forward_socks(&self, bind: SocketAddr, failed: TunnelCallback) -> Result<Tunnel, Error> {
        self.forward(bind, Exit::Asked, failed).await
    }

    async fn forward(&self, bind: SocketAddr, exit: Exit, failed: TunnelCallback) -> Result<Tunnel, Error> {
        let ways = Ways { client: self.own_client(), target: self.target().clone() };
        // So that what does not work at all is told at once.
        ways.link().await?;
        let shown = || PathBuf::from(bind.to_string());
        let listener = TcpListener::bind(bind).await.map_err(Error::local("listen on", shown()))?;
        let listens_on = listener.local_addr().map_err(Error::local("listen on", shown()))?;
        let task = tokio::spawn(accept(listener, Arc::new(ways), exit, failed));
        Ok(Tunnel { listens_on, task })
    }

    /// Passes connections to `port` of the remote machine's loopback (0: any that is free) on to `address` and
    /// `port` as this machine reaches them. Ends with the connection.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if the machine does not listen there; any of [`Client::connect`]'s.
    pub async fn forward_remote(
        &self,
        bind_port: u16,
        address: &str,
        port: u16,
        failed: TunnelCallback,
    ) -> Result<Tunnel, Error> {
        let ways = Ways { client: self.own_client(), target: self.target().clone() };
        let link = ways.link().await?;
        let refused = || Error::Refused { hop: self.hop(), what: "to listen on that port" };
        let bound = match link.handle().tcpip_forward("127.0.0.1", u32::from(bind_port)).await {
            // It says which only if it was asked for any.
            Ok(0) => bind_port,
            Ok(bound) => u16::try_from(bound).map_err(|_| refused())?,
            Err(russh::Error::RequestDenied) => return Err(refused()),
            Err(_) => return Err(link.loss()),
        };
        let channels = link.forwards().take(u32::from(bound));
        let task = tokio::spawn(let_out(link, channels, (address.to_owned(), port), failed));
        Ok(Tunnel { listens_on: SocketAddr::from((Ipv4Addr::LOCALHOST, bound)), task })
    }
}

/// Connections of a tunnel's own.
struct Ways {
    client: Client,
    target: Target,
}

impl Ways {
    async fn link(&self) -> Result<Arc<Link>, Error> {
        self.client.link(&self.target).await
    }

    async fn pass_on(&self, address: &str, port: u16) -> Result<ChannelStream<Msg>, Error> {
        self.link().await?.pass_on(address, port).await
    }
}

/// Takes connections here, for as long as it can.
async fn accept(listener: TcpListener, ways: Arc<Ways>, exit: Exit, failed: TunnelCallback) -> Error {
    let mut passing = JoinSet::new();
    loop {
        // Dropping the set ends what is in it.
        while passing.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(source) => return Error::local("listen on", "the tunnel's port")(source),
        };
        let (ways, exit, failed) = (Arc::clone(&ways), exit.clone(), Arc::clone(&failed));
        passing.spawn(async move {
            if let Err(error) = pass(stream, &ways, &exit).await {
                failed(&error);
            }
        });
    }
}

async fn pass(mut stream: TcpStream, ways: &Ways, exit: &Exit) -> Result<(), Error> {
    let _ = stream.set_nodelay(true);
    let mut channel = match exit {
        Exit::Fixed(address, port) => ways.pass_on(address, *port).await?,
        Exit::Asked => {
            let request = socks::read_request(&mut stream).await?;
            let opened = ways.pass_on(&request.address, request.port).await;
            socks::answer(&mut stream, opened.is_ok()).await?;
            opened?
        }
    };
    // However it ends, both ends see it.
    let _ = copy_bidirectional_with_sizes(&mut stream, &mut channel, PIECE_BYTES, PIECE_BYTES).await;
    Ok(())
}

/// Takes connections that the remote machine passes on, until the connection is lost.
async fn let_out(
    link: Arc<Link>,
    mut channels: UnboundedReceiver<Channel<Msg>>,
    to: (String, u16),
    failed: TunnelCallback,
) -> Error {
    let mut passing = JoinSet::new();
    while let Some(channel) = channels.recv().await {
        while passing.try_join_next().is_some() {}
        let (to, failed) = (to.clone(), Arc::clone(&failed));
        passing.spawn(async move {
            match TcpStream::connect((to.0.as_str(), to.1)).await {
                Ok(mut stream) => {
                    let mut channel = channel.into_stream();
                    let _ =
                        copy_bidirectional_with_sizes(&mut stream, &mut channel, PIECE_BYTES, PIECE_BYTES)
                            .await;
                }
                Err(source) => {
                    failed(&Error::local("connect to", format!("{}:{}", to.0, to.1))(source));
                    let _ = channel.close().await;
                }
            }
        });
    }
    link.loss()
}

/// Who takes connections that the server passes on to us, by the server's port.
#[derive(Default)]
pub(crate) struct Forwards {
    takers: Mutex<HashMap<u32, UnboundedSender<Channel<Msg>>>>,
}

impl Forwards {
    pub(crate) fn taker(&self, port: u32) -> Option<UnboundedSender<Channel<Msg>>> {
        self.takers.lock().unwrap_or_else(PoisonError::into_inner).get(&port).cloned()
    }

    fn take(&self, port: u32) -> UnboundedReceiver<Channel<Msg>> {
        let (sender, receiver) = unbounded_channel();
        self.takers.lock().unwrap_or_else(PoisonError::into_inner).insert(port, sender);
        receiver
    }

    /// Nothing will come any more.
    pub(crate) fn end(&self) {
        self.takers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
