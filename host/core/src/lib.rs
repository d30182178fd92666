//! The broker between people and plugins.
//!
//! It knows tenants: whose settings and credentials they are, and what a plugin that serves one may
//! reach. It hands plugins to the runtime with a session that lends exactly that.

pub mod config;
mod error;
mod grant;
mod home;
mod host;
mod secret;
mod tenant;

pub use error::Error;
pub use grant::{GrantReport, grant_of};
pub use home::Home;
pub use host::{Host, HostOptions};
pub use secret::SecretSource;
pub use tenant::choice::{
    TENANT_VARIABLE, TenantChoice, TenantOrigin, TenantRequest, current_tenant, resolve_tenant,
    set_current_tenant,
};
pub use tenant::{Grants, Tenant, Tenants};
