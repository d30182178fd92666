//! Addresses: which of them a request may be dialled to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What an address is, when it is not simply public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// A cloud's metadata service, which hands out credentials to whoever asks.
    Metadata,
    /// This machine.
    Loopback,
    /// This machine's link.
    LinkLocal,
    /// `0.0.0.0/8` and `::`, which many systems take for this machine.
    Unspecified,
    /// A group.
    Multicast,
    /// Everybody on the link.
    Broadcast,
    /// Set aside: documentation, benchmarks, protocols, the future.
    Reserved,
    /// A site's own: RFC 1918, carrier-grade NAT, unique local IPv6.
    Private,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "a cloud metadata address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Unspecified => "an unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Reserved => "a reserved address",
            Self::Private => "a private address",
        })
    }
}

/// An address that is not public: the range that it lies in, and what that range is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialAddress {
    /// The address as it was asked about.
    pub address: IpAddr,
    /// The address that it stands for: the IPv4 address inside an IPv6 form, else the same.
    pub effective: IpAddr,
    /// What it is.
    pub kind: AddressKind,
    /// The narrowest range of that kind.
    pub range: IpNet,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8, kind: AddressKind) -> (Ipv4Net, AddressKind) {
    (Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix), kind)
}

const fn v6(segments: [u16; 8], prefix: u8, kind: AddressKind) -> (Ipv6Net, AddressKind) {
    let [a, b, c, d, e, f, g, h] = segments;
    (Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix), kind)
}

/// The first row that contains an address is its range: single addresses stand first.
const V4: &[(Ipv4Net, AddressKind)] = &[
    v4(169, 254, 169, 254, 32, AddressKind::Metadata), // AWS, Google, Azure, OpenStack, most others
    v4(169, 254, 170, 2, 32, AddressKind::Metadata),   // AWS container credentials
    v4(169, 254, 170, 23, 32, AddressKind::Metadata),  // AWS pod identity
    v4(169, 254, 42, 42, 32, AddressKind::Metadata),   // Scaleway
    v4(169, 254, 0, 23, 32, AddressKind::Metadata),    // Tencent
    v4(100, 100, 100, 200, 32, AddressKind::Metadata), // Alibaba
    v4(192, 0, 0, 192, 32, AddressKind::Metadata),     // Oracle
    v4(168, 63, 129, 16, 32, AddressKind::Metadata),   // Azure's wire server, public by its looks
    v4(127, 0, 0, 0, 8, AddressKind::Loopback),
    v4(169, 254, 0, 0, 16, AddressKind::LinkLocal),
    v4(0, 0, 0, 0, 8, AddressKind::Unspecified),
    v4(10, 0, 0, 0, 8, AddressKind::Private),
    v4(172, 16, 0, 0, 12, AddressKind::Private),
    v4(192, 168, 0, 0, 16, AddressKind::Private),
    v4(100, 64, 0, 0, 10, AddressKind::Private),
    v4(255, 255, 255, 255, 32, AddressKind::Broadcast),
    v4(224, 0, 0, 0, 4, AddressKind::Multicast),
    v4(192, 0, 0, 0, 24, AddressKind::Reserved),
    v4(192, 0, 2, 0, 24, AddressKind::Reserved),
    v4(192, 88, 99, 0, 24, AddressKind::Reserved),
    v4(198, 18, 0, 0, 15, AddressKind::Reserved),
    v4(198, 51, 100, 0, 24, AddressKind::Reserved),
    v4(203, 0, 113, 0, 24, AddressKind::Reserved),
    v4(240, 0, 0, 0, 4, AddressKind::Reserved),
];

const V6: &[(Ipv6Net, AddressKind)] = &[
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32, AddressKind::Metadata), // AWS
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, AddressKind::Metadata), // Google
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, AddressKind::Metadata), // Oracle
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128, AddressKind::Metadata), // Scaleway
    v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128, AddressKind::Metadata), // OpenStack
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, AddressKind::Loopback),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, AddressKind::Unspecified),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, AddressKind::LinkLocal),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, AddressKind::Private),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, AddressKind::Private),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, AddressKind::Multicast),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, AddressKind::Reserved), // protocols, Teredo among them
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, AddressKind::Reserved),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, AddressKind::Reserved),
];

/// What is public in IPv6; all else is reserved until somebody assigns it.
const V6_GLOBAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const V6_ALL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0);

/// What an address is; `None` for a public one.
///
/// IPv6 forms that carry an IPv4 address (mapped, compatible, translated, 6to4, NAT64, ISATAP) are
/// seen through: they are what that address is.
#[must_use]
pub fn classify(address: IpAddr) -> Option<SpecialAddress> {
    let effective = effective(address);
    let (kind, range) = match effective {
        IpAddr::V4(v4) => V4.iter().find(|(net, _)| net.contains(&v4)).map(|(n, k)| (*k, IpNet::V4(*n)))?,
        IpAddr::V6(v6) => match V6.iter().find(|(net, _)| net.contains(&v6)) {
            Some((net, kind)) => (*kind, IpNet::V6(*net)),
            None if V6_GLOBAL.contains(&v6) => return None,
            None => (AddressKind::Reserved, IpNet::V6(V6_ALL)),
        },
    };
    Some(SpecialAddress { address, effective, kind, range })
}

/// The IPv4 address inside an IPv6 form, or the address itself.
#[must_use]
pub fn effective(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        // `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Compatible, mapped, translated (SIIT), NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => join(high, low),
        [0x2002, high, low, ..] => join(high, low),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => join(high, low),
        _ => None,
    }
}

impl SpecialAddress {
    /// Whether a granted network names this address.
    ///
    /// A private address is named by any network that contains it. The others are named only by a
    /// network that lies within their own range: `10.0.0.0/8` or `0.0.0.0/0` say nothing about
    /// loopback or metadata, `169.254.169.254/32` does.
    #[must_use]
    pub fn is_named_by(&self, network: &IpNet) -> bool {
        let single = network.prefix_len() == network.max_prefix_len() && network.addr() == self.address;
        let contains = network.contains(&self.effective);
        single || (contains && (self.kind == AddressKind::Private || self.range.contains(network)))
    }

    /// The narrowest network that an operator would grant to allow this address.
    #[must_use]
    pub fn remedy(&self) -> IpNet {
        match self.kind {
            AddressKind::Private => self.range,
            _ => IpNet::from(self.effective),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(address: &str) -> Option<AddressKind> {
        classify(address.parse().unwrap()).map(|special| special.kind)
    }

    #[test]
    fn every_special_form_is_known() {
        use AddressKind::{
            Broadcast, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Unspecified,
        };
        for (address, expected) in [
            ("169.254.169.254", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("192.0.0.192", Metadata),
            ("fd00:ec2::254", Metadata),
            ("fd20:ce::254", Metadata),
            ("fe80::a9fe:a9fe", Metadata),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("0.0.0.0", Unspecified),
            ("0.1.2.3", Unspecified),
            ("::", Unspecified),
            ("224.0.0.1", Multicast),
            ("ff02::1", Multicast),
            ("255.255.255.255", Broadcast),
            ("240.0.0.1", Reserved),
            ("198.18.0.1", Reserved),
            ("2001:db8::1", Reserved),
            ("2001:0:1::1", Reserved),
            ("64:ff9b:1::1", Reserved),
            ("100::1", Reserved),
            ("10.1.2.3", Private),
            ("172.31.0.1", Private),
            ("192.168.1.1", Private),
            ("100.127.0.1", Private),
            ("fd12::1", Private),
            ("fec0::1", Private),
            // IPv4 inside IPv6.
            ("::ffff:169.254.169.254", Metadata),
            ("::169.254.169.254", Metadata),
            ("::ffff:0:169.254.169.254", Metadata),
            ("64:ff9b::169.254.169.254", Metadata),
            ("2002:a9fe:a9fe::1", Metadata),
            ("2001:470::5efe:169.254.169.254", Metadata),
            ("::ffff:127.0.0.1", Loopback),
            ("2002:7f00:1::", Loopback),
            ("64:ff9b::10.0.0.1", Private),
        ] {
            assert_eq!(kind(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_not_special() {
        for address in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
            "2a00::1",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn a_wide_network_does_not_name_a_special_address() {
        let named = |address: &str, network: &str| {
            classify(address.parse().unwrap()).unwrap().is_named_by(&network.parse().unwrap())
        };
        assert!(!named("127.0.0.1", "0.0.0.0/0"));
        assert!(named("127.0.0.1", "127.0.0.0/8"));
        assert!(named("::ffff:127.0.0.1", "127.0.0.1/32"));
        assert!(!named("169.254.169.254", "169.254.0.0/16"));
        assert!(named("169.254.169.254", "169.254.169.254/32"));
        assert!(!named("100.100.100.200", "100.64.0.0/10"));
        assert!(!named("fd00:ec2::254", "fd00::/8"));
        assert!(named("fd00:ec2::254", "fd00:ec2::254/128"));
        assert!(named("10.1.2.3", "0.0.0.0/0"));
        assert!(named("10.1.2.3", "10.1.0.0/16"));
        assert!(!named("10.1.2.3", "10.2.0.0/16"));
        assert!(named("64:ff9b::10.1.2.3", "10.0.0.0/8"));
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_the_same_in_every_ipv6_form(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let expected = classify(IpAddr::V4(v4)).map(|s| (s.kind, s.range));
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for form in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(classify(IpAddr::V6(form)).map(|s| (s.kind, s.range)), expected);
            }
        }

        #[test]
        fn the_remedy_allows_what_was_refused(bits: u128) {
            if let Some(special) = classify(IpAddr::V6(Ipv6Addr::from(bits))) {
                prop_assert!(special.is_named_by(&special.remedy()));
            }
            if let Some(special) = classify(IpAddr::V4(Ipv4Addr::from(bits as u32))) {
                prop_assert!(special.is_named_by(&special.remedy()));
            }
        }
    }
}
