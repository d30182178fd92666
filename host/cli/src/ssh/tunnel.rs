//! `skywright ssh tunnel`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use skywright_ssh::{Client, TunnelCallback};
use tokio_util::sync::CancellationToken;

use super::args::Tunnel;
use crate::error::Error;
use crate::output::complain;
use crate::site::Site;

pub(super) async fn run(args: Tunnel, client: &Client, site: &Site<'_>) -> Result<(), Error> {
    let (address, port) = remote(&args.remote)?;
    let connection = site.open().await?.connect(client, &args.reference).await?;
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, args.local));
    let failed: TunnelCallback =
        Arc::new(|error| complain(&format!("a connection was not passed on: {error}")));
    let mut tunnel = match (args.socks, args.reverse) {
        (true, _) => connection.forward_socks(here, failed).await?,
        (_, true) => connection.forward_remote(port, "127.0.0.1", args.local, failed).await?,
        _ => connection.forward_local(here, &address, port, failed).await?,
    };
    site.clear();
    let bound = tunnel.listens_on();
    let words = match (args.socks, args.reverse) {
        (true, _) => format!("SOCKS5 at {bound}, from {}", args.reference),
        (_, true) => format!("{bound} of {} leads to port {} here", args.reference, args.local),
        _ => format!("{bound} leads to {address}:{port} of {}", args.reference),
    };
    site.printer.result(&json!({ "listens_on": bound }), || format!("{words}; Ctrl-C ends it"))?;
    let ended = site
        .stoppable(async |stop: &CancellationToken| {
            tokio::select! {
                () = stop.cancelled() => Ok(None),
                error = tunnel.ended() => Ok(Some(error)),
            }
        })
        .await?;
    match ended {
        None => {
            tunnel.close().await;
            Ok(())
        }
        Some(error) => Err(error.into()),
    }
}

/// `[ADDRESS:]PORT`, an IPv6 address in brackets.
fn remote(text: &str) -> Result<(String, u16), Error> {
    let (address, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    match port.parse() {
        Ok(port) if port > 0 && !address.is_empty() => Ok((address.to_owned(), port)),
        _ => Err(Error::Usage {
            message: format!("`{text}` is no port"),
            hint: Some("--remote takes PORT or ADDRESS:PORT".to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::remote;

    #[test]
    fn where_it_leads() {
        assert_eq!(remote("80").unwrap(), ("127.0.0.1".to_owned(), 80));
        assert_eq!(remote("db:5432").unwrap(), ("db".to_owned(), 5432));
        assert_eq!(remote("[::1]:22").unwrap(), ("::1".to_owned(), 22));
        for wrong in ["", "0", "x", ":80", "db:", "db:99999"] {
            assert!(remote(wrong).is_err(), "{wrong}");
        }
    }
}
