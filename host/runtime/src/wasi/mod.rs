//! WASI 0.2 for guests of other tool chains, linked piece by piece, and empty.
//!
//! There are coarse clocks, random numbers, and standard output, which becomes log lines. There is
//! no file, no argument, no environment variable; sockets are not linked at all. `wasi:http` sends
//! through the same client, grant and limits as `skywright:host/http`.

mod clocks;
mod http;
mod stdio;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::{cli, clocks as wasi_clocks, filesystem, io, random};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::guest::Guest;
use crate::session::LogLevel;

/// Live WASI resources (streams, requests, pollables) of one instance.
const MAX_RESOURCES: usize = 4096;

/// What a WASI guest has in its store.
pub(crate) struct WasiState {
    ctx: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: http::Hooks,
}

impl WasiState {
    fn new(guest: &Guest) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let ctx = WasiCtx::builder()
            .stdout(stdio::LogStream::new(guest.log.clone(), LogLevel::Info))
            .stderr(stdio::LogStream::new(guest.log.clone(), LogLevel::Warn))
            .wall_clock(clocks::SessionClock(guest.session.clone()))
            .monotonic_clock(clocks::Milliseconds::start())
            .max_random_size(guest.random_bytes)
            .build();
        let hooks = http::Hooks { client: guest.session.client().clone(), log: guest.log.clone() };
        Self { ctx, table, http: WasiHttpCtx::new(), hooks }
    }
}

impl Guest {
    fn wasi(&mut self) -> &mut WasiState {
        let state = match self.wasi.take() {
            Some(state) => state,
            None => Box::new(WasiState::new(self)),
        };
        self.wasi.insert(state)
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let state = self.wasi();
        WasiCtxView { ctx: &mut state.ctx, table: &mut state.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let state = self.wasi();
        WasiHttpCtxView { hooks: &mut state.hooks, table: &mut state.table, ctx: &mut state.http }
    }
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

struct Random;

impl HasData for Random {
    type Data<'a> = &'a mut wasmtime_wasi::random::WasiRandomCtx;
}

/// Links exactly the interfaces that [`Capability::Wasi`](skywright_contract::Capability::Wasi) and
/// `wasi:http` name.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};

    let l = linker;
    io::error::add_to_linker::<Guest, Table>(l, |guest| guest.ctx().table)?;
    io::poll::add_to_linker::<Guest, Table>(l, |guest| guest.ctx().table)?;
    io::streams::add_to_linker::<Guest, Table>(l, |guest| guest.ctx().table)?;
    wasi_clocks::wall_clock::add_to_linker::<Guest, WasiClocks>(l, Guest::clocks)?;
    wasi_clocks::monotonic_clock::add_to_linker::<Guest, WasiClocks>(l, Guest::clocks)?;
    random::random::add_to_linker::<Guest, Random>(l, |guest| guest.ctx().ctx.random())?;
    random::insecure::add_to_linker::<Guest, Random>(l, |guest| guest.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<Guest, Random>(l, |guest| guest.ctx().ctx.random())?;
    cli::environment::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::exit::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::stdin::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::stdout::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::stderr::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_input::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_output::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_stdin::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_stdout::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    cli::terminal_stderr::add_to_linker::<Guest, WasiCli>(l, Guest::cli)?;
    filesystem::preopens::add_to_linker::<Guest, WasiFilesystem>(l, Guest::filesystem)?;
    filesystem::types::add_to_linker::<Guest, WasiFilesystem>(l, Guest::filesystem)?;
    let http = wasmtime_wasi_http::p2::bindings::http::types::LinkOptions::default();
    wasmtime_wasi_http::p2::bindings::http::types::add_to_linker::<Guest, WasiHttp>(l, &http, Guest::http)?;
    wasmtime_wasi_http::p2::bindings::http::outgoing_handler::add_to_linker::<Guest, WasiHttp>(l, Guest::http)
}
