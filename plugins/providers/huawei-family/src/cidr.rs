//! Ranges of IPv4.

use std::net::Ipv4Addr;

use skywright_sdk::prelude::*;

/// The longest prefix of a subnet.
const LONGEST: u32 = 28;

/// The gateway of a subnet, which VPC wants to be told: its first address.
///
/// # Errors
///
/// `bad-cidr` for what is no range of IPv4, or one that is too small.
pub(crate) fn gateway(cidr: &str) -> Result<Ipv4Addr, Error> {
    let bad = |message: &str| Error::invalid("bad-cidr", message).with_subject(cidr);
    let parsed = cidr.split_once('/').and_then(|(address, prefix)| {
        Some((address.parse::<Ipv4Addr>().ok()?, prefix.parse::<u32>().ok().filter(|prefix| *prefix <= 32)?))
    });
    let (address, prefix) = parsed.ok_or_else(|| bad("subnets of this cloud are ranges of IPv4"))?;
    if prefix > LONGEST {
        return Err(bad("subnets of this cloud have at least 16 addresses (/28)"));
    }
    let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
    Ok(Ipv4Addr::from((u32::from(address) & mask) | 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_is_the_gateway() {
        assert_eq!(gateway("192.168.3.0/24").unwrap().to_string(), "192.168.3.1");
        assert_eq!(gateway("10.0.0.64/28").unwrap().to_string(), "10.0.0.65");
        assert_eq!(gateway("0.0.0.0/0").unwrap().to_string(), "0.0.0.1");
        for bad in ["10.0.0.0/29", "10.0.0.0", "10.0.0.0/33", "fd00::/64", "/24", ""] {
            assert_eq!(gateway(bad).unwrap_err().code, "bad-cidr", "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_borne(text in "[0-9./:a-f]{0,20}") {
            let _ = gateway(&text);
        }

        #[test]
        fn it_is_in_the_range(address: u32, prefix in 1_u32..=28) {
            let gateway = u32::from(gateway(&format!("{}/{prefix}", Ipv4Addr::from(address))).unwrap());
            proptest::prop_assert_eq!(gateway >> (32 - prefix), address >> (32 - prefix));
        }
    }
}
