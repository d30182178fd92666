//! `skywright plugin bench`: what a plugin costs on this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use skywright_contract::Kind;
use skywright_runtime::Session;

use super::{host, human_bytes};
use crate::args::Bench;
use crate::error::Error;
use crate::output::{Printer, table};

pub(super) async fn run(args: Bench, printer: &Printer) -> Result<(), Error> {
    let host = host(&args.sandbox, false)?;
    // The first load may compile; the second is what every later process pays.
    host.load(&args.plugin).await?;
    let (load, plugin) = timed(host.load(&args.plugin)).await;
    let plugin = plugin?;
    let default = match plugin.package().manifest.kind {
        Kind::Provider => "driver.describe",
        Kind::Feature => "recipe.describe",
    };
    let function = plugin.function(args.function.as_deref().unwrap_or(default))?;
    let session = Arc::new(Session::nothing());
    let mut instantiate = Vec::new();
    let mut call = Vec::new();
    let mut memory_bytes = 0;
    for _ in 0..args.calls {
        let (time, instance) = timed(plugin.instantiate(&session)).await;
        instantiate.push(time);
        let mut instance = instance?;
        let (time, result) = timed(instance.call(function, &[])).await;
        result?;
        call.push(time);
        memory_bytes = instance.memory_bytes();
    }
    let (instantiate, call) = (median(instantiate), median(call));
    let result = json!({
        "call_ns": nanos(call),
        "calls": args.calls,
        "function": function.short_name(),
        "instantiate_ns": nanos(instantiate),
        "load_ns": nanos(load),
        "memory_bytes": memory_bytes,
    });
    printer.result(&result, || {
        table(
            ["what", "median"],
            [
                ["load, compiled before".to_owned(), format!("{load:?}")],
                ["instantiate".to_owned(), format!("{instantiate:?}")],
                [format!("call {}", function.short_name()), format!("{call:?}")],
                ["guest memory after it".to_owned(), human_bytes(memory_bytes)],
            ],
        )
    })
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let result = work.await;
    (start.elapsed(), result)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
