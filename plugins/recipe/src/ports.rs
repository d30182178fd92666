//! Port lists, as SafeScale's security rules wrote them: `443`, `80,443`, `30000-32767`.

use crate::plan::PortRange;

/// Why a text is no list of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortFault {
    /// Neither a port nor `first-last`.
    #[error("`{0}` is neither a port from 1 to 65535 nor a range of two")]
    Syntax(String),
    /// The last is before the first.
    #[error("the range {first}-{last} ends before it begins")]
    Backwards {
        /// The first.
        first: u16,
        /// The last.
        last: u16,
    },
}

/// Reads a list of ports and ranges with commas between them. Order and overlaps stay as they are.
///
/// # Errors
///
/// [`PortFault`], for the first part that is wrong.
pub fn parse_ports(text: &str) -> Result<Vec<PortRange>, PortFault> {
    text.split(',').map(|part| parse_range(part.trim())).collect()
}

fn parse_range(part: &str) -> Result<PortRange, PortFault> {
    let syntax = || PortFault::Syntax(part.chars().take(40).collect());
    let port = |text: &str| {
        let text = text.trim();
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|port| plain && *port != 0).ok_or_else(syntax)
    };
    let (first, last) = match part.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(part)?, port(part)?),
    };
    if last < first {
        return Err(PortFault::Backwards { first, last });
    }
    Ok(PortRange { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges() {
        let range = |first, last| PortRange { first, last };
        assert_eq!(parse_ports("443").unwrap(), [range(443, 443)]);
        assert_eq!(
            parse_ports("80, 443,1-65535").unwrap(),
            [range(80, 80), range(443, 443), range(1, 65535)]
        );
        for bad in ["", "0", "65536", "a", "1-", "-1", "+1", "1-2-3", "80,,81", "1.5"] {
            assert!(matches!(parse_ports(bad), Err(PortFault::Syntax(_))), "{bad:?}");
        }
        assert_eq!(parse_ports("9-8"), Err(PortFault::Backwards { first: 9, last: 8 }));
    }
}
