//! What templates and images are both told apart by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a processor is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// x86, 64 bits.
    #[default]
    Amd64,
    /// ARM, 64 bits.
    Arm64,
    /// Anything else.
    Other,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Other => "other",
        })
    }
}

/// What a template's own disk is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskKind {
    /// There is none, or nothing is known of it.
    #[default]
    None,
    /// On the network.
    Network,
    /// A hard disk of the machine.
    LocalHdd,
    /// A solid-state disk of the machine.
    LocalSsd,
    /// A solid-state disk of the machine on NVMe.
    Nvme,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// As the cloud spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A template's id, which only its cloud understands.
    TemplateId
}

id! {
    /// An image's id, which only its cloud understands.
    ImageId
}
