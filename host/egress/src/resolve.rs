//! Names to addresses, and the decision by address.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::address::SpecialAddress;
use crate::clock::BoxFuture;
use crate::grant::Grant;

/// Finds the addresses of a name.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, a DNS name, best first.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// As the system does it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|a| a.ip()).collect()) })
    }
}

/// No address of a name may be dialled: the first that was refused.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) SpecialAddress);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.0.address, self.0.kind)
    }
}

impl Error for Refused {}

/// The addresses that may be dialled.
///
/// # Errors
///
/// The first refused one, if that leaves none.
pub(crate) fn permitted(
    grant: &Grant,
    host: &str,
    addresses: Vec<IpAddr>,
) -> Result<Vec<IpAddr>, SpecialAddress> {
    let mut refused = None;
    let permitted: Vec<_> = addresses
        .into_iter()
        .filter(|address| match grant.address(host, *address) {
            Ok(()) => true,
            Err(special) => {
                refused.get_or_insert(special);
                false
            }
        })
        .collect();
    match refused {
        Some(special) if permitted.is_empty() => Err(special),
        _ => Ok(permitted),
    }
}

/// Resolves for connections that go straight to their target. What it lets through is what is
/// dialled: there is no second resolution that could answer otherwise.
pub(crate) struct Guarded {
    pub(crate) grant: Arc<Grant>,
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl reqwest::dns::Resolve for Guarded {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (grant, resolver) = (Arc::clone(&self.grant), Arc::clone(&self.resolver));
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            let host = name.as_str().trim_end_matches('.');
            let permitted = permitted(&grant, host, addresses).map_err(Refused)?;
            Ok(with_any_port(permitted))
        })
    }
}

/// Resolves the name of a proxy, which is the operator's choice.
pub(crate) struct Unguarded {
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl reqwest::dns::Resolve for Unguarded {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let resolver = Arc::clone(&self.resolver);
        Box::pin(async move { Ok(with_any_port(resolver.resolve(name.as_str()).await?)) })
    }
}

/// Port 0 stands for the URL's own.
fn with_any_port(addresses: Vec<IpAddr>) -> reqwest::dns::Addrs {
    Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permitted_addresses_are_dialled() {
        let grant = Grant { networks: vec!["10.1.0.0/16".parse().unwrap()], ..Grant::default() };
        let parse = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<IpAddr>>();
        let mixed = parse(&["169.254.169.254", "10.1.2.3", "::ffff:127.0.0.1", "8.8.8.8"]);
        assert_eq!(permitted(&grant, "a.example", mixed), Ok(parse(&["10.1.2.3", "8.8.8.8"])));
        let none = permitted(&grant, "a.example", parse(&["10.2.0.1", "127.0.0.1"])).unwrap_err();
        assert_eq!(none.address, "10.2.0.1".parse::<IpAddr>().unwrap());
        assert_eq!(permitted(&grant, "a.example", vec![]), Ok(vec![]));
    }
}
