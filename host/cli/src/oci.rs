//! OCI registries as a place of repositories and bundles: `oci://HOST/PREFIX`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use skywright_registry::tuf::Transport;
use skywright_registry::{Error as RegistryError, Passphrase};
use skywright_registry_oci::{Access, Credentials, Location, Mirror};

/// What the places in an OCI registry begin with.
pub(crate) const SCHEME: &str = "oci://";

/// How OCI registries are reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "OCI registry")]
pub(crate) struct OciArgs {
    /// The user's name, if the registry wants a login.
    #[arg(long, value_name = "NAME", env = "SKYWRIGHT_OCI_USER", requires = "oci_password_file")]
    oci_user: Option<String>,
    /// A file whose first line is the password or token.
    #[arg(long, value_name = "FILE", env = "SKYWRIGHT_OCI_PASSWORD_FILE", requires = "oci_user")]
    oci_password_file: Option<PathBuf>,
    /// Reach a registry on another machine without TLS; one on this machine always is.
    #[arg(long)]
    oci_plain_http: bool,
}

impl OciArgs {
    /// A login, and whether TLS may be missing.
    ///
    /// # Errors
    ///
    /// [`RegistryError::File`] if the password cannot be read.
    pub(crate) fn access(&self, ca_file: Option<&Path>) -> Result<Access, RegistryError> {
        let credentials = match (&self.oci_user, &self.oci_password_file) {
            (Some(user), Some(file)) => {
                Some(Credentials { user: user.clone(), password: Passphrase::read(file)?.into_text() })
            }
            _ => None,
        };
        let ca_file = ca_file.map(Path::to_owned);
        Ok(Access { credentials, plain_http: self.oci_plain_http, ca_file })
    }

    /// The repository that was pushed to a place.
    pub(crate) fn mirror(
        &self,
        url: &str,
        ca_file: Option<&Path>,
    ) -> Result<Arc<dyn Transport>, RegistryError> {
        Ok(Arc::new(Mirror::new(url.parse::<Location>()?, &self.access(ca_file)?)?))
    }
}
