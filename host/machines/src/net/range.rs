//! Which range public addresses are from.

use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

use crate::command::Command;
use crate::error::Error;

/// Where ranges are cut from: of the space between carriers and their customers, which private networks
/// seldom use, then of the least used private one.
const SPACES: &[&str] = &["100.64.0.0/10", "172.16.0.0/12"];

/// How many addresses: 253 for networks and machines.
const PREFIX: u8 = 24;

/// A range that nothing on this machine has a route to: the last one, where it is one still.
pub(crate) fn choose(home: &str, last: Option<Ipv4Net>) -> Result<Ipv4Net, Error> {
    let routes = Command::new("ip").args(["-4", "route", "show", "table", "all"]).run()?;
    let taken = destinations(&routes);
    let last = last.filter(|last| !taken.iter().any(|other| crate::state::overlap(*other, *last)));
    last.or_else(|| free(home, &taken)).ok_or_else(|| Error::Capacity {
        what: "a range of addresses for hosts".to_owned(),
        available: "routes to all of 100.64.0.0/10 and 172.16.0.0/12".to_owned(),
    })
}

/// The first that is free, from a place on that differs from home to home.
fn free(home: &str, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let start = Sha256::digest(home).iter().take(2).fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    SPACES.iter().filter_map(|space| space.parse::<Ipv4Net>().ok()).find_map(|space| {
        let count = 1_usize << (PREFIX - space.prefix_len());
        let ranges = space.subnets(PREFIX).ok()?;
        let (before, from): (Vec<_>, Vec<_>) =
            ranges.enumerate().partition(|(number, _)| *number < start % count);
        let mut ranges = from.into_iter().chain(before).map(|(_, range)| range);
        ranges.find(|range| !taken.iter().any(|other| crate::state::overlap(*other, *range)))
    })
}

/// Where the routes go, but for the default one.
fn destinations(routes: &str) -> Vec<Ipv4Net> {
    let words = routes.lines().map(|line| {
        let kinds = ["unicast", "local", "broadcast", "blackhole", "unreachable", "prohibit", "throw"];
        line.split_whitespace().find(|word| !kinds.contains(word)).unwrap_or("")
    });
    let ranges = words.filter_map(|word| match word.contains('/') {
        true => word.parse().ok(),
        false => word.parse().ok().and_then(|address| Ipv4Net::new(address, 32).ok()),
    });
    ranges.filter(|range| range.prefix_len() > 0).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_one_that_no_route_goes_to() {
        let routes = "default via 192.0.2.1 dev eth0 \n100.64.0.0/11 dev tailscale0 table 52 \n\
            local 127.0.0.0/8 dev lo table local\nbroadcast 192.0.2.255 dev eth0 table local\n0.0.0.0/0 dev x";
        let taken = destinations(routes);
        assert_eq!(taken.len(), 3);
        let range = free("home", &taken).unwrap();
        assert!("100.96.0.0/11".parse::<Ipv4Net>().unwrap().contains(&range), "{range}");
        let carriers: Ipv4Net = "100.64.0.0/10".parse().unwrap();
        assert!("172.16.0.0/12".parse::<Ipv4Net>().unwrap().contains(&free("home", &[carriers]).unwrap()));
        assert_eq!(free("home", &["0.0.0.0/1".parse().unwrap(), "128.0.0.0/1".parse().unwrap()]), None);
    }

    proptest! {
        #[test]
        fn any_routes_are_read(text in "([a-z0-9./ ]{0,40}\n){0,5}") {
            let taken = destinations(&text);
            if let Some(range) = free("home", &taken) {
                prop_assert!(!taken.iter().any(|other| crate::state::overlap(*other, range)));
            }
        }
    }
}
