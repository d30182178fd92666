//! What a machine is run by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::printable;

/// What new machines are run by. Each machine keeps the one that it was made with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// System containers by systemd-nspawn, on this machine's kernel.
    #[default]
    Containers,
    /// Virtual machines by QEMU, each with a kernel of its own and with cloud-init.
    Qemu,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Containers, Self::Qemu];

    /// The word for people and settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Qemu => "qemu",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| {
            Error::invalid(format!("the backend `{}`", printable(text)), "it is `containers` or `qemu`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_settings_and_in_the_state() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse::<Backend>().unwrap(), backend);
            assert_eq!(serde_json::to_string(&backend).unwrap(), format!("\"{backend}\""));
        }
        assert_eq!("nspawn".parse::<Backend>().unwrap_err().code(), "argument");
    }
}
