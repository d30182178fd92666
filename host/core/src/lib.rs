//! The broker between people and plugins.
//!
//! It knows tenants: whose settings and credentials they are, and what a plugin that serves one may
//! reach. It hands plugins to the runtime with a session that lends exactly that.

mod cloud;
pub mod config;
mod defaults;
mod error;
pub mod feature;
mod grant;
mod home;
mod host;
mod name;
mod on_host;
mod open;
pub mod operation;
mod remote;
mod report;
pub mod resource;
mod secret;
mod session_memory;
mod tenancy;
mod tenant;

pub use cloud::{Cloud, RetryPolicy};
pub use defaults::{DefaultView, Defaults};
pub use error::Error;
pub use grant::{GrantReport, grant_of};
pub use home::Home;
pub use host::{Host, HostOptions};
pub use name::Name;
pub use open::OpenOptions;
pub use skywright_machines::{Backend, Finding, Leftovers, Reconciled, Severity, doctor, remove_leftovers};
/// Moving the bytes of objects: what [`Tenancy::objects`] gives.
pub use skywright_objects as objects;

pub use report::{Report, Silent, Step};
pub use secret::{SecretContext, SecretSource};
pub use tenancy::{Tenancy, TenancyParts};
pub use tenant::choice::{
    TENANT_VARIABLE, TenantChoice, TenantOrigin, TenantRequest, current_tenant, resolve_tenant,
    set_current_tenant,
};
pub use tenant::file::TenantsFile;
pub use tenant::import::{Import, ImportFormat, ImportedTenant, LeftOutKey, SkippedTenant, read_import};
pub use tenant::{Grants, Places, Scalar, Tenant, Tenants};
