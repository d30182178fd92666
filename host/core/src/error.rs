//! Why the broker could not do what was asked.

use std::path::PathBuf;

use skywright_contract::{Blame, Category};

/// Why the broker could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration file is wrong.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What, with line and column.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A grant that is not one: a pattern, a CIDR, a CA file.
    #[error("{what} grants nothing: {reason}")]
    Grant {
        /// Which grant, such as "endpoint `identity` of the plugin".
        what: String,
        /// Why.
        reason: String,
    },
    /// No folder to keep anything in.
    #[error("no home folder: neither SKYWRIGHT_HOME nor HOME is an absolute path")]
    NoHome,
    /// The registry could not give the plugin.
    #[error(transparent)]
    Registry(#[from] skywright_registry::Error),
    /// The plugin could not be loaded, or its call failed.
    #[error(transparent)]
    Runtime(#[from] skywright_runtime::Error),
    /// A secret could not be had from where it is kept.
    #[error("secret `{name}`: {reason}")]
    Secret {
        /// Its name.
        name: String,
        /// Why; never the secret.
        reason: String,
    },
    /// A setting does not fit what the plugin declares.
    #[error("setting `{key}`: {reason}")]
    Setting {
        /// Its key.
        key: String,
        /// What was expected.
        reason: String,
    },
    /// No tenant of that name.
    #[error("there is no tenant `{name}`")]
    NoTenant {
        /// What was asked for.
        name: String,
        /// Which there are.
        known: Vec<String>,
        /// The file that was read.
        path: PathBuf,
    },
    /// A command needs a tenant, and nothing says which.
    #[error("no tenant is chosen")]
    NoTenantChosen {
        /// Which there are.
        known: Vec<String>,
        /// The file that was read.
        path: PathBuf,
    },
}

impl Error {
    /// What kind of failure it was.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Registry(error) => error.category(),
            Self::Runtime(error) => error.category(),
            Self::NoTenant { .. } => Category::NotFound,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Category::NotFound,
            Self::File { .. } => Category::Unavailable,
            Self::Config { .. }
            | Self::Grant { .. }
            | Self::NoHome
            | Self::NoTenantChosen { .. }
            | Self::Secret { .. }
            | Self::Setting { .. } => Category::InvalidRequest,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Registry(error) => error.blame(),
            Self::Runtime(error) => error.blame(),
            _ => Blame::Operator,
        }
    }

    /// The error's own name, stable for scripts.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Config { .. } => "config".to_owned(),
            Self::File { .. } => "file".to_owned(),
            Self::Grant { .. } => "grant".to_owned(),
            Self::NoHome => "no-home".to_owned(),
            Self::NoTenant { .. } => "no-tenant".to_owned(),
            Self::NoTenantChosen { .. } => "no-tenant-chosen".to_owned(),
            Self::Registry(_) => "plugin".to_owned(),
            Self::Runtime(error) => error.code(),
            Self::Secret { .. } => "secret".to_owned(),
            Self::Setting { .. } => "setting".to_owned(),
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Runtime(error) => error.hint(),
            Self::NoTenant { known, path, .. } | Self::NoTenantChosen { known, path } if known.is_empty() => {
                Some(format!("{} has no tenants yet", path.display()))
            }
            Self::NoTenantChosen { known, .. } => Some(format!(
                "say --tenant NAME, set SKYWRIGHT_TENANT, or run `skywright tenant set NAME`; there are: {}",
                known.join(", ")
            )),
            Self::NoTenant { known, .. } => Some(format!("there are: {}", known.join(", "))),
            Self::Setting { .. } => {
                Some("`skywright plugin inspect PLUGIN` lists the settings that it declares".to_owned())
            }
            _ => None,
        }
    }
}
