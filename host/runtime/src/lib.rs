//! The sandbox: loads plugins, runs them under limits, and lends them what their session allows.
//!
//! This crate narrows wasmtime to the features that the product uses. It knows plugins, sessions
//! and limits; it knows nothing of tenants, files of settings, or clouds.
//!
//! A plugin's way in: [`Engine::load`] reads, checks and compiles it (in a [child
//! process](compile)), [`Plugin::instantiate`] makes a fresh [`Instance`] for one operation, and
//! [`Instance::call`] runs a function in it. What it may reach is in the [`Session`].
//!
//! What is *not* guaranteed: a guest may keep a core busy up to its CPU budget, and side channels
//! between guests of one process are only made harder, by clocks that are coarse.

mod artefact;
mod bindings;
mod capability;
pub mod compile;
mod engine;
mod error;
mod guest;
mod instance;
mod limits;
mod logbook;
mod plugin;
pub mod provider;
mod sealed_copy;
mod session;
mod ticker;
mod trap;
pub mod value;
mod wasi;

pub use artefact::ArtefactCache;
pub use bindings::exports::skywright::provider::driver;
pub use compile::Compiler;
pub use engine::{Allocation, Engine, EngineOptions};
pub use error::{Error, GuestError};
pub use instance::Instance;
pub use limits::{LimitExceeded, LimitName, Limits, UnknownLimit};
pub use logbook::printable;
pub use plugin::{Function, Plugin};
pub use session::{Clock, LogLevel, LogSink, Session, SessionMemory, SystemClock, TracingSink};
pub use trap::TrapReport;
pub use value::ValueError;
