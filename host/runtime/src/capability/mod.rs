//! What the host lends to plugins: one module a capability, each on [`Guest`].

mod cache;
mod clock;
mod credentials;
mod http;
mod log;
mod machines;
mod settings;

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::local::skywright::host::machines as local_machines;
use crate::bindings::skywright::host;
use crate::guest::Guest;

/// Links every capability; a plugin gets those that it imports and its manifest asks for.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    host::types::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    host::log::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    host::settings::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    host::http::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    host::credentials::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    host::cache::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    host::clock::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)?;
    local_machines::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl host::types::Host for Guest {}
