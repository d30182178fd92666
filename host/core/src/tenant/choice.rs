//! Which tenant a command is for.
//!
//! The choice belongs to whoever runs the command: the flag, then the shell's environment, then what
//! `tenant set` wrote down for this user, then the only tenant that there is, and where there is none, this
//! machine. Nothing is shared
//! between users, and no running process remembers it.

use std::path::PathBuf;

use serde::Serialize;

use super::{Tenant, Tenants};
use crate::error::Error;
use crate::home::Home;

/// The environment variable that names the shell's tenant.
pub const TENANT_VARIABLE: &str = "SKYWRIGHT_TENANT";

/// The longest name that is read from the file of `tenant set`, in bytes.
const MAX_NAME_BYTES: u64 = 4 << 10;

/// Where the choice of a tenant came from, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantOrigin {
    /// `--tenant` on the command line.
    Flag,
    /// `SKYWRIGHT_TENANT`.
    Environment,
    /// `skywright tenant set`.
    Set,
    /// It is the only one in the tenants file.
    Only,
    /// There is none in the tenants file, and this one is always there.
    BuiltIn,
}

impl std::fmt::Display for TenantOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flag => "--tenant",
            Self::Environment => TENANT_VARIABLE,
            Self::Set => "tenant set",
            Self::Only => "it is the only one",
            Self::BuiltIn => "it is built in",
        })
    }
}

/// The tenant that a command is for.
#[derive(Debug, Clone)]
pub struct TenantChoice {
    /// Its name in the tenants file.
    pub name: String,
    /// The tenant.
    pub tenant: Tenant,
    /// The folder that paths in it are relative to.
    pub base: PathBuf,
    /// Why this one.
    pub origin: TenantOrigin,
}

/// What a command was told about the tenant that it is for.
#[derive(Debug, Clone, Default)]
pub struct TenantRequest {
    /// What `--tenant` says.
    pub flag: Option<String>,
    /// What [`TENANT_VARIABLE`] says; empty is the same as not set.
    pub environment: Option<String>,
    /// Another tenants file than the user's own. It has to exist.
    pub file: Option<PathBuf>,
}

impl TenantRequest {
    /// With the environment of this process.
    #[must_use]
    pub fn from_env(flag: Option<String>, file: Option<PathBuf>) -> Self {
        Self { flag, environment: std::env::var(TENANT_VARIABLE).ok(), file }
    }

    /// Reads the tenants that there are.
    ///
    /// # Errors
    ///
    /// As [`Tenants::read`], or [`Tenants::read_named`] if a file is named.
    pub fn tenants(&self, home: &Home) -> Result<Tenants, Error> {
        match &self.file {
            Some(path) => Tenants::read_named(path),
            None => Ok(Tenants::read(&home.tenants_file())?.with_built_in()),
        }
    }

    /// The name of the tenant that is meant, whether or not there is such a tenant.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the file of `tenant set` is there and cannot be read.
    pub fn named(&self, home: &Home, tenants: &Tenants) -> Result<Option<(String, TenantOrigin)>, Error> {
        let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        if let Some(name) = given(&self.flag) {
            return Ok(Some((name, TenantOrigin::Flag)));
        }
        if let Some(name) = given(&self.environment) {
            return Ok(Some((name, TenantOrigin::Environment)));
        }
        if let Some(name) = current_tenant(home)? {
            return Ok(Some((name, TenantOrigin::Set)));
        }
        let of = |built_in| tenants.tenants.values().filter(move |tenant| tenant.is_built_in == built_in);
        let mut own = of(false);
        Ok(match (own.next(), own.next()) {
            (Some(only), None) => Some((only.name.clone(), TenantOrigin::Only)),
            (None, _) => of(true).next().map(|tenant| (tenant.name.clone(), TenantOrigin::BuiltIn)),
            _ => None,
        })
    }
}

/// The tenant that a command is for.
///
/// # Errors
///
/// [`Error::NoTenantChosen`] if nothing says which; [`Error::NoTenant`] if the one that is named does
/// not exist; else as [`Tenants::read`].
pub fn resolve_tenant(home: &Home, request: &TenantRequest) -> Result<TenantChoice, Error> {
    let tenants = request.tenants(home)?;
    let Some((name, origin)) = request.named(home, &tenants)? else {
        let known = tenants.tenants.keys().cloned().collect();
        return Err(Error::NoTenantChosen { known, path: tenants.path });
    };
    let tenant = tenants.get(&name)?.clone();
    Ok(TenantChoice { name, tenant, base: tenants.base(), origin })
}

/// What `tenant set` wrote down last, if anything.
///
/// # Errors
///
/// [`Error::File`] if the file is there and cannot be read.
pub fn current_tenant(home: &Home) -> Result<Option<String>, Error> {
    use std::io::Read;
    let path = home.current_tenant_file();
    let failed = |source| Error::File { action: "read", path: path.clone(), source };
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(MAX_NAME_BYTES).read_to_string(&mut text).map_err(failed)?;
    let name = text.trim();
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// Writes down the tenant that this user's commands are for from now on.
///
/// # Errors
///
/// [`Error::File`] if it cannot be written.
pub fn set_current_tenant(home: &Home, name: &str) -> Result<(), Error> {
    super::store::write(&home.current_tenant_file(), &format!("{name}\n"))
}
