//! As much of SOCKS5 (RFC 1928) as a proxy without passwords needs: `CONNECT`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::Error;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;
const HOST_UNREACHABLE: u8 = 4;
const COMMAND_NOT_SUPPORTED: u8 = 7;

/// Where a client wants to get to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) address: String,
    pub(crate) port: u16,
}

/// Greets the client and reads what it wants.
///
/// # Errors
///
/// [`Error::Local`] if it hangs up, [`Error::Invalid`] if it wants something else. It has been told then.
pub(crate) async fn read_request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<Request, Error> {
    read(stream).await.map_err(Error::local("talk to", "the proxy's client"))?.ok_or_else(|| {
        Error::invalid("SOCKS", "the client speaks another version, or wants more than connections")
    })
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<Option<Request>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let [version, count] = head;
    if version != VERSION {
        return Ok(None);
    }
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await?;
    if !methods.contains(&NO_AUTHENTICATION) {
        stream.write_all(&[VERSION, NO_ACCEPTABLE_METHOD]).await?;
        return Ok(None);
    }
    stream.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [version, command, _, kind] = head;
    if version != VERSION || command != CONNECT {
        stream.write_all(&reply(COMMAND_NOT_SUPPORTED)).await?;
        return Ok(None);
    }
    let Some(address) = read_address(stream, kind).await? else { return Ok(None) };
    Ok(Some(Request { address, port: stream.read_u16().await? }))
}

async fn read_address<S: AsyncRead + Unpin>(stream: &mut S, kind: u8) -> io::Result<Option<String>> {
    Ok(match kind {
        IPV4 => Some(Ipv4Addr::from(stream.read_u32().await?).to_string()),
        IPV6 => Some(Ipv6Addr::from(stream.read_u128().await?).to_string()),
        NAME => {
            let mut name = vec![0; usize::from(stream.read_u8().await?)];
            stream.read_exact(&mut name).await?;
            // Names are ASCII; what is none is for no resolver.
            let plain = |byte: &u8| byte.is_ascii_graphic();
            String::from_utf8(name).ok().filter(|name| !name.is_empty() && name.bytes().all(|b| plain(&b)))
        }
        _ => None,
    })
}

/// Tells the client whether it is connected.
///
/// # Errors
///
/// [`Error::Local`] if it has hung up.
pub(crate) async fn answer<S: AsyncWrite + Unpin>(stream: &mut S, connected: bool) -> Result<(), Error> {
    let code = if connected { SUCCEEDED } else { HOST_UNREACHABLE };
    stream.write_all(&reply(code)).await.map_err(Error::local("talk to", "the proxy's client"))
}

/// An answer that tells no address, as clients make nothing of it.
fn reply(code: u8) -> [u8; 10] {
    [VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is understood of those bytes, and what is answered.
    async fn exchange(bytes: &[u8]) -> (Option<Request>, Vec<u8>) {
        let (mut client, mut server) = tokio::io::duplex(4096);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let request = read_request(&mut server).await.ok();
        drop(server);
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).await.unwrap();
        (request, answers)
    }

    #[tokio::test]
    async fn addresses_of_every_kind() {
        let to = |address: &str| Some(Request { address: address.to_owned(), port: 443 });
        let greeting = [5, 2, 1, 0];
        let name = [&greeting[..], &[5, 1, 0, 3, 3], b"web", &[1, 187]].concat();
        assert_eq!(exchange(&name).await, (to("web"), vec![5, 0]));
        let four = [&greeting[..], &[5, 1, 0, 1, 192, 0, 2, 7, 1, 187]].concat();
        assert_eq!(exchange(&four).await.0, to("192.0.2.7"));
        let six = [&greeting[..], &[5, 1, 0, 4], &Ipv6Addr::LOCALHOST.octets(), &[1, 187]].concat();
        assert_eq!(exchange(&six).await.0, to("::1"));
        // Another version, no method without a password, another command.
        assert_eq!(exchange(&[4, 1, 0, 80]).await, (None, vec![]));
        assert_eq!(exchange(&[5, 1, 2]).await, (None, vec![5, 255]));
        assert_eq!(exchange(&[5, 1, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0]).await.1[..4], [5, 0, 5, 7]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (request, _) = runtime.block_on(exchange(&bytes));
            if let Some(request) = request {
                assert!(request.address.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
