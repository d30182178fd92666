//! One connection to one SSH server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use russh::client::{self, DisconnectReason, Handle, Msg};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelStream};
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::endings::Endings;
use crate::error::Error;
use crate::hop::{Hop, Role};
use crate::host_key::{HostKey, HostKeys};
use crate::settings::Settings;
use crate::target::Endpoint;
use crate::text::printable;
use crate::tunnel::Forwards;

/// Packets are read in two pieces each; this makes many of them one system call.
const READ_BUFFER_BYTES: usize = 256 << 10;

/// One connection to one server, signed in.
pub(crate) struct Link {
    hop: Hop,
    handle: Handle<Guard>,
    host_key: HostKey,
    sessions: Arc<Semaphore>,
    /// How many sessions the server takes, as far as is known.
    capacity: AtomicUsize,
    /// That there were sessions at all tells a limit from a refusal.
    had_session: AtomicBool,
    shared: Arc<Shared>,
    endings: Endings,
    /// The gateway's connection that this one goes through.
    via: Option<Arc<Link>>,
}

/// What the connection's task tells.
#[derive(Default)]
struct Shared {
    host_key: Mutex<Option<HostKey>>,
    lost: OnceLock<String>,
    forwards: Forwards,
}

/// A channel for one session, and its place among the connection's.
pub(crate) struct Session {
    pub(crate) channel: Channel<Msg>,
    pub(crate) link: Arc<Link>,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// What a connection goes over.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Which way a connection goes.
#[derive(Clone, Copy)]
enum Way<'a> {
    Direct(&'a Endings),
    Through(&'a Arc<Link>),
}

impl<'a> Way<'a> {
    fn endings(self) -> &'a Endings {
        match self {
            Self::Direct(endings) => endings,
            Self::Through(gateway) => &gateway.endings,
        }
    }

    async fn dial(self, hop: &Hop) -> Result<Box<dyn Wire>, Error> {
        match self {
            Self::Direct(_) => {
                let stream = TcpStream::connect((hop.address.as_str(), hop.port))
                    .await
                    .map_err(|error| Error::unreachable(hop, printable(&error.to_string().to_lowercase())))?;
                // Keystrokes and small requests should not wait for more of their kind.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Self::Through(gateway) => match gateway.pass_on(&hop.address, hop.port).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(Error::Refused { hop: by, .. }) => {
                    Err(Error::unreachable(hop, format!("{by} cannot connect to it")))
                }
                Err(error) => Err(error),
            },
        }
    }

    fn gateway(self) -> Option<Arc<Link>> {
        match self {
            Self::Direct(_) => None,
            Self::Through(gateway) => Some(Arc::clone(gateway)),
        }
    }
}

impl Link {
    /// Connects and signs in, directly.
    pub(crate) async fn open(
        endpoint: &Endpoint,
        role: Role,
        settings: &Settings,
        endings: &Endings,
    ) -> Result<Self, Error> {
        let hop = endpoint.hop(role);
        within(settings, &hop, Self::persist(Way::Direct(endings), endpoint, &hop, settings)).await
    }

    /// Connects and signs in through a gateway.
    pub(crate) async fn open_through(
        gateway: Arc<Self>,
        endpoint: &Endpoint,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let hop = endpoint.hop(Role::Target);
        within(settings, &hop, Self::persist(Way::Through(&gateway), endpoint, &hop, settings)).await
    }

    /// Signs in, and tries again if the server hangs up before: a busy one does (`MaxStartups`), and one that
    /// is just starting. A connection that cannot be made at all is not tried again.
    async fn persist(
        way: Way<'_>,
        endpoint: &Endpoint,
        hop: &Hop,
        settings: &Settings,
    ) -> Result<Self, Error> {
        for pause_ms in [100, 300, 900] {
            match Self::sign_in(way.dial(hop).await?, endpoint, hop.clone(), settings, way).await {
                Err(error) if error.is_unreachable() => sleep(Duration::from_millis(pause_ms)).await,
                done => return done,
            }
        }
        Self::sign_in(way.dial(hop).await?, endpoint, hop.clone(), settings, way).await
    }

    async fn sign_in(
        stream: Box<dyn Wire>,
        endpoint: &Endpoint,
        hop: Hop,
        settings: &Settings,
        way: Way<'_>,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let guard = Guard { host_keys: endpoint.host_keys.clone(), shared: Arc::clone(&shared) };
        let stream = BufReader::with_capacity(READ_BUFFER_BYTES, stream);
        let mut handle = client::connect_stream(settings.transport(endpoint), stream, guard)
            .await
            .map_err(|error| refusal(&hop, endpoint, &shared, &error))?;
        let answer = handle.authenticate_publickey(&endpoint.user, endpoint.key.signer()).await;
        match answer {
            Ok(client::AuthResult::Success) => (),
            // So it says as well if the connection ended instead.
            Ok(client::AuthResult::Failure { .. }) if handle.is_closed() => {
                return Err(Error::unreachable(&hop, shared.reason()));
            }
            Ok(client::AuthResult::Failure { partial_success: partial, .. }) => {
                return Err(Error::AuthRefused { hop, user: endpoint.user.clone(), partial });
            }
            Err(error) => return Err(refusal(&hop, endpoint, &shared, &error)),
        }
        let capacity = settings.sessions_per_connection.max(1);
        let host_key =
            shared.shown_key().ok_or_else(|| Error::Internal("no host key was shown".to_owned()))?;
        Ok(Self {
            hop,
            handle,
            host_key,
            sessions: Arc::new(Semaphore::new(capacity)),
            capacity: AtomicUsize::new(capacity),
            had_session: AtomicBool::new(false),
            shared,
            endings: way.endings().clone(),
            via: way.gateway(),
        })
    }

    pub(crate) fn hop(&self) -> &Hop {
        &self.hop
    }

    pub(crate) fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    /// The gateway that it goes through.
    pub(crate) fn via(&self) -> Option<&Hop> {
        self.via.as_deref().map(Self::hop)
    }

    pub(crate) fn forwards(&self) -> &Forwards {
        &self.shared.forwards
    }

    pub(crate) fn handle(&self) -> &Handle<Guard> {
        &self.handle
    }

    pub(crate) fn endings(&self) -> &Endings {
        &self.endings
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.handle.is_closed() || self.via.as_deref().is_some_and(Self::is_lost)
    }

    /// How it ended.
    pub(crate) fn loss(&self) -> Error {
        let reason = match self.via.as_deref().filter(|gateway| gateway.is_lost()) {
            Some(gateway) => format!("{}: {}", gateway.hop, gateway.shared.reason()),
            None => self.shared.reason(),
        };
        Error::Lost { hop: self.hop.clone(), reason, output: None }
    }

    /// Whether the server's refusal of a session is about their number.
    fn has_other_sessions(&self) -> bool {
        let used = self.capacity.load(Ordering::Relaxed).saturating_sub(self.sessions.available_permits());
        used > 1 || self.had_session.load(Ordering::Relaxed)
    }

    /// Whether sessions can be opened on it, now or later.
    pub(crate) fn is_useful(&self) -> bool {
        !self.is_lost() && self.capacity.load(Ordering::Relaxed) > 0
    }

    /// The places of sessions that are free.
    pub(crate) fn places(&self) -> Arc<Semaphore> {
        Arc::clone(&self.sessions)
    }

    /// Opens a session in a place that was taken for it. `None` if the server has no more of them: the place
    /// is gone then.
    pub(crate) async fn session(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        settings: &Settings,
    ) -> Result<Option<Session>, Error> {
        let opened = timeout(settings.connect_timeout, self.handle.channel_open_session()).await;
        match opened {
            Ok(Ok(channel)) => {
                self.had_session.store(true, Ordering::Relaxed);
                Ok(Some(Session { channel, link: Arc::clone(self), permit }))
            }
            Ok(Err(russh::Error::ChannelOpenFailure(_))) if self.has_other_sessions() => {
                permit.forget();
                self.capacity.fetch_sub(1, Ordering::Relaxed);
                Ok(None)
            }
            Ok(Err(russh::Error::ChannelOpenFailure(_))) => {
                Err(Error::Refused { hop: self.hop.clone(), what: "a session" })
            }
            Ok(Err(_)) => Err(Error::unreachable(&self.hop, self.shared.reason())),
            Err(_) => Err(Error::unreachable(&self.hop, "it does not answer any more")),
        }
    }

    /// A connection from the server onwards.
    pub(crate) async fn pass_on(&self, address: &str, port: u16) -> Result<ChannelStream<Msg>, Error> {
        match self.handle.channel_open_direct_tcpip(address, u32::from(port), "127.0.0.1", 0).await {
            Ok(channel) => Ok(channel.into_stream()),
            Err(russh::Error::ChannelOpenFailure(_)) => {
                Err(Error::Refused { hop: self.hop.clone(), what: "to connect onwards" })
            }
            Err(_) => Err(Error::unreachable(&self.hop, self.shared.reason())),
        }
    }
}

impl Shared {
    fn shown_key(&self) -> Option<HostKey> {
        self.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn reason(&self) -> String {
        self.lost.get().map_or_else(|| "the connection was closed".to_owned(), |reason| printable(reason))
    }
}

async fn within<T>(
    settings: &Settings,
    hop: &Hop,
    opening: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let limit = settings.connect_timeout;
    timeout(limit, opening).await.unwrap_or_else(|_| {
        Err(Error::unreachable(hop, format!("no answer within {} s", limit.as_secs_f64())))
    })
}

/// Why a handshake failed.
fn refusal(hop: &Hop, endpoint: &Endpoint, shared: &Shared, error: &russh::Error) -> Error {
    match error {
        russh::Error::UnknownKey => Error::HostKeyMismatch {
            hop: hop.clone(),
            expected: endpoint.host_keys.expected(),
            got: shared.shown_key().map_or_else(|| "unknown".to_owned(), |key| key.fingerprint()),
        },
        russh::Error::NoCommonAlgo { kind, .. } => Error::Handshake {
            hop: hop.clone(),
            reason: format!("there is no {kind:?} algorithm that both know"),
        },
        russh::Error::Version => {
            Error::Handshake { hop: hop.clone(), reason: "what answers there is no SSH server".to_owned() }
        }
        russh::Error::IO(_)
        | russh::Error::HUP
        | russh::Error::Disconnect
        | russh::Error::SendError
        | russh::Error::RecvError
        | russh::Error::KeepaliveTimeout
        | russh::Error::ConnectionTimeout
        | russh::Error::Join(_) => {
            let reason = shared.lost.get().map_or_else(|| error.to_string(), Clone::clone);
            Error::unreachable(hop, printable(&reason).to_lowercase())
        }
        _ => Error::Handshake { hop: hop.clone(), reason: printable(&error.to_string()) },
    }
}

/// What the library asks while the connection lives.
pub(crate) struct Guard {
    host_keys: HostKeys,
    shared: Arc<Shared>,
}

impl client::Handler for Guard {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let key = HostKey::new(key);
        let accepted = self.host_keys.accept(&key);
        *self.shared.host_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        Ok(accepted)
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _connected_address: &str,
        connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        // Dropping `reply` refuses: nothing is let in that was not asked for.
        if let Some(taker) = self.shared.forwards.taker(connected_port) {
            reply.accept().await;
            let _ = taker.send(channel);
        }
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _reply: client::ChannelOpenHandle,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let (text, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the server says: {}", info.message), Ok(()))
            }
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => {
                ("it does not answer any more".to_owned(), Err(russh::Error::KeepaliveTimeout))
            }
            DisconnectReason::Error(error) => (error.to_string().to_lowercase(), Err(error)),
        };
        let _ = self.shared.lost.set(text);
        self.shared.forwards.end();
        result
    }
}
