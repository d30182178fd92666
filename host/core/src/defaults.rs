//! What a tenant says of the resources that are made for it.

use serde::{Deserialize, Serialize};
use skywright_sizing::TemplateOptions;

/// What is taken where a command does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a map of defaults")]
pub struct Defaults {
    /// The image of new hosts; `Ubuntu 24.04` where there is none.
    #[serde(default)]
    pub image: Option<String>,
    /// Who logs in to new hosts; `skywright` where there is none.
    #[serde(default)]
    pub operator_user: Option<String>,
    /// Name servers of new subnets; the cloud's own where there are none.
    #[serde(default)]
    pub dns: Vec<String>,
    /// Which templates may be used, and which of them first.
    #[serde(default)]
    pub templates: TemplateOptions,
    /// How many hosts are made at once; what the driver says where there is none.
    #[serde(default)]
    pub create_parallelism: Option<u32>,
}

impl Defaults {
    /// The image of new hosts.
    #[must_use]
    pub fn image(&self) -> &str {
        self.image.as_deref().unwrap_or("Ubuntu 24.04")
    }

    /// Who logs in to new hosts.
    #[must_use]
    pub fn operator_user(&self) -> &str {
        self.operator_user.as_deref().unwrap_or("skywright")
    }
}
