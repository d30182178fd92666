//! What a Skywright plugin in Rust is written with.
//!
//! A plugin implements the traits of the families that it has ([`Driver`], [`Catalog`], … or
//! [`Recipe`]) on a unit struct and names them once, in [`provider!`] or [`feature!`]. It holds nothing:
//! HTTP goes through [`Client`] to endpoints that the tenant granted, and a secret is a name
//! ([`Secret`]) that the host fills in. An import that is never called is not in the component.
//!
//! The same code runs natively under `cargo test`, against exchanges that were recorded from the real
//! cloud (`replay`).

#[expect(missing_docs, reason = "generated; the WIT is the documentation")]
pub mod bindings;
pub mod cache;
mod client;
pub mod clock;
pub mod credentials;
mod declare;
mod error;
mod error_map;
mod exports;
pub mod host;
mod json_text;
pub mod log;
pub mod operation;
mod paging;
#[cfg(not(target_arch = "wasm32"))]
pub mod replay;
mod response;
pub mod settings;
mod text;
pub mod url;

pub use bindings::addresses::exports::skywright::provider::addresses;
pub use bindings::catalog::exports::skywright::provider::catalog;
pub use bindings::driver::exports::skywright::provider::driver;
pub use bindings::host::skywright::host::http;
pub use bindings::host::skywright::host::types;
pub use bindings::host::skywright::provider::intents::Intent;
pub use bindings::hosts::exports::skywright::provider::hosts;
pub use bindings::keypairs::exports::skywright::provider::keypairs;
pub use bindings::networks::exports::skywright::provider::networks;
pub use bindings::object_storage::exports::skywright::provider::object_storage;
pub use bindings::pricing::exports::skywright::provider::pricing;
pub use bindings::quotas::exports::skywright::provider::quotas;
pub use bindings::recipe::exports::skywright::feature::recipe;
pub use bindings::security_groups::exports::skywright::provider::security_groups;
pub use bindings::volumes::exports::skywright::provider::volumes;

pub use catalog::Guest as Catalog;
pub use client::{Call, Client};
pub use driver::Guest as Driver;
pub use error_map::{ErrorMap, ErrorRule, Fault};
pub use http::{Replay, Response};
pub use operation::{Operation, Progress};
pub use paging::{Listing, Next, Page, Pages};
pub use recipe::Guest as Recipe;
pub use text::{Secret, Text};
pub use types::{Category, Diagnostic, Error, KeyValue, Retry, Severity};

/// What nearly every plugin uses.
pub mod prelude {
    pub use crate::driver::{Capabilities, DriverInfo, Endpoint, Outcome, PublicAddressMode, Rate, Setting};
    pub use crate::{
        Catalog, Category, Client, Diagnostic, Driver, Error, ErrorMap, ErrorRule, KeyValue, Listing, Next,
        Operation, Progress, Recipe, Replay, Response, Secret, Text, catalog, driver, recipe, settings,
    };
}
