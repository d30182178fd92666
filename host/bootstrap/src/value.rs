//! Values that a host is told, each checked when it is made.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::Error;

/// Makes a newtype of a checked text.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// As it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => Err(Error::invalid(format!("{} `{}`", $what, printable(text)), reason)),
                }
            }
        }
    };
}

checked_text!(
    /// A host's name without its domain: 1 to 63 letters, digits and `-`, which is at neither end.
    HostName, "host name", |text| {
        if is_label(text) { Ok(()) } else { Err("it has 1 to 63 letters, digits and `-`, none of these at an end") }
    }
);

checked_text!(
    /// A domain: such labels as a host name is, with dots between, at most 180 characters.
    DomainName, "domain", |text| {
        // With a host name before it, it stays within what DNS and the kernel take.
        if text.len() <= 180 && text.split('.').all(is_label) { Ok(()) } else { Err("it is not one") }
    }
);

checked_text!(
    /// The user who logs in: up to 32 small letters, digits, `_` and `-`, first a letter or `_`; not `root`.
    OperatorUser, "operator user", |text| {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        match text {
            "root" => Err("root does not log in; it is another user, who may become root"),
            _ if first && rest && text.len() <= 32 => Ok(()),
            _ => Err("it has up to 32 small letters, digits, `_` and `-`, and starts with a letter or `_`"),
        }
    }
);

checked_text!(
    /// A server of time: a name or an address.
    TimeServer, "time server", |text| {
        let name = text.len() <= 253 && text.split('.').all(is_label);
        if name || text.parse::<IpAddr>().is_ok() { Ok(()) } else { Err("it is neither a name nor an address") }
    }
);

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Without what a terminal would take for commands, and not too long.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOSTILE: [&str; 10] =
        ["", "-", "-a", "a-", "a b", "a'b", "$(id)", "a\nb", "a;reboot", "\u{e9}t\u{e9}"];

    #[test]
    fn hostile_values_are_no_values() {
        for text in HOSTILE {
            assert!(text.parse::<HostName>().is_err(), "{text:?}");
            assert!(text.parse::<DomainName>().is_err(), "{text:?}");
            assert!(text.parse::<OperatorUser>().is_err() || text == "a-", "{text:?}");
            assert!(text.parse::<TimeServer>().is_err(), "{text:?}");
        }
        assert!("a.b".parse::<HostName>().is_err());
        assert!("a..b".parse::<DomainName>().is_err());
        assert!("root".parse::<OperatorUser>().is_err());
        assert!("1st".parse::<OperatorUser>().is_err());
        assert!("a".repeat(33).parse::<OperatorUser>().is_err());
    }

    #[test]
    fn usual_values_are_taken() {
        assert_eq!("web-1".parse::<HostName>().unwrap().as_str(), "web-1");
        assert_eq!("lab.example".parse::<DomainName>().unwrap().to_string(), "lab.example");
        assert!("_skywright-2".parse::<OperatorUser>().is_ok());
        for server in ["pool.ntp.org", "192.0.2.1", "2001:db8::1"] {
            assert!(server.parse::<TimeServer>().is_ok(), "{server}");
        }
    }

    #[test]
    fn an_error_has_no_control_characters() {
        let error = "a\u{1b}[2Jb".parse::<HostName>().unwrap_err();
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_taken_needs_no_quoting(text in "\\PC{0,8}|[a-z0-9_.:-]{0,40}") {
            let taken = [
                text.parse::<HostName>().is_ok(),
                text.parse::<DomainName>().is_ok(),
                text.parse::<OperatorUser>().is_ok(),
                text.parse::<TimeServer>().is_ok(),
            ];
            if taken.contains(&true) {
                prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b)));
                prop_assert!(!text.starts_with('-'));
            }
        }
    }
}
