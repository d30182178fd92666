//! Inside one process: instances, calls, host calls, memory, and what the limits cost.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skywright_runtime::{Allocation, Compiler, Engine, EngineOptions, Instance, Limits, Plugin, Session};
use wasmtime::component::Val;

use crate::Outcome;
use crate::raw::Raw;
use crate::report::Report;

/// How often each pair is measured.
const ROUNDS: usize = 2000;
/// Host calls within one guest call.
const HOST_CALLS: u32 = 1_000_000;
/// Instances that live at once.
const LIVE: u32 = 1000;

/// As the command line has it, but for the compiler, which is this process, and without a cache.
pub(crate) fn engine() -> Outcome<Engine> {
    Ok(Engine::new(EngineOptions {
        limits: Limits::default(),
        allocation: Allocation::OnDemand,
        compiler: Compiler::InProcess,
        cache: None,
        core_dumps: false,
    })?)
}

pub(crate) async fn measure(openstack: &[u8], measure: &[u8], report: &mut Report) -> Outcome<()> {
    let engine = engine()?;
    compile(&engine, openstack, report).await?;
    let (plugin, raw) = (engine.load(openstack).await?, Raw::load(openstack)?);
    call_and_drop(&plugin, &raw, report).await?;
    let (plugin, raw) = (engine.load(measure).await?, Raw::load(measure)?);
    host_call(&plugin, &raw, report).await?;
    limits(&plugin, &raw, report).await?;
    live_instances(&engine.load(openstack).await?, report).await
}

async fn compile(engine: &Engine, bytes: &[u8], report: &mut Report) -> Outcome<()> {
    let (took, plugin) = timed(engine.load(bytes)).await;
    plugin?;
    let parts = format!("{} KiB, checked and compiled", bytes.len() / 1024);
    report.add("compile openstack", took.as_secs_f64(), "s", None, parts);
    Ok(())
}

async fn call_and_drop(plugin: &Plugin, raw: &Raw, report: &mut Report) -> Outcome<()> {
    let session = Arc::new(Session::nothing());
    let describe = plugin.function("driver.describe")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, done) =
            timed(async { plugin.instantiate(&session).await?.call(describe, &[]).await }).await;
        done?;
        ours.push(took);
        let (took, done) = timed(async {
            let mut instance = raw.instantiate().await?;
            Raw::call(&mut instance, ("driver", "describe"), &[]).await
        })
        .await;
        done?;
        theirs.push(took);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let parts = format!("ours {ours:.1?}, raw {theirs:.1?}");
    report.add("instantiate + call + drop", ratio(ours, theirs), "x", Some(1.25), parts);
    Ok(())
}

/// Both sides of one question, each on a live instance of its own.
struct Pair<'a> {
    plugin: &'a Plugin,
    ours: Instance,
    theirs: (wasmtime::Store<()>, wasmtime::component::Instance),
}

impl<'a> Pair<'a> {
    async fn new(plugin: &'a Plugin, raw: &Raw) -> Outcome<Self> {
        let ours = plugin.instantiate(&Arc::new(Session::nothing())).await?;
        Ok(Self { plugin, ours, theirs: raw.instantiate().await? })
    }

    /// `poll(token)` on both, as medians.
    async fn poll(&mut self, token: &str, rounds: usize) -> Outcome<(Duration, Duration)> {
        let poll = self.plugin.function("driver.poll")?;
        let args = [Val::String(token.into())];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (took, done) = timed(self.ours.call(poll, &args)).await;
            done?;
            ours.push(took);
            let (took, done) = timed(Raw::call(&mut self.theirs, ("driver", "poll"), &args)).await;
            done?;
            theirs.push(took);
        }
        Ok((median(ours), median(theirs)))
    }
}

async fn host_call(plugin: &Plugin, raw: &Raw, report: &mut Report) -> Outcome<()> {
    let mut pair = Pair::new(plugin, raw).await?;
    let (ours, theirs) = pair.poll(&format!("clock:{HOST_CALLS}"), 5).await?;
    let each = |total: Duration| total.as_secs_f64() * 1e9 / f64::from(HOST_CALLS);
    let parts = format!("clock.now: ours {:.0} ns, raw {:.0} ns", each(ours), each(theirs));
    report.add("host call over raw", (each(ours) - each(theirs)) / 1e3, "us", Some(1.0), parts);
    Ok(())
}

/// As Nova lists them.
fn flavors(count: usize) -> String {
    let flavor = r#"{"id":"0835d60d-93f6-4cad-bb42-1828b1579a29","name":"SCS-8V-32","vcpus":8,"ram":32768,"disk":0,"swap":"","OS-FLV-EXT-DATA:ephemeral":0,"OS-FLV-DISABLED:disabled":false,"os-flavor-access:is_public":true,"rxtx_factor":1.0,"description":null,"links":[{"rel":"self","href":"https://nova.cloud.example:8774/v2.1/flavors/0835d60d-93f6-4cad-bb42-1828b1579a29"},{"rel":"bookmark","href":"https://nova.cloud.example:8774/flavors/0835d60d-93f6-4cad-bb42-1828b1579a29"}],"extra_specs":{"scs:cpu-type":"shared-core","scs:name-v2":"SCS-8V-32"}}"#;
    format!(r#"{{"flavors":[{}]}}"#, vec![flavor; count].join(","))
}

/// What the limits cost a guest that does nothing but parse, and an operation that parses: a fresh
/// instance is asked for the templates in a page of 100 flavors and answers with all of them.
async fn limits(plugin: &Plugin, raw: &Raw, report: &mut Report) -> Outcome<()> {
    let mut pair = Pair::new(plugin, raw).await?;
    let (ours, theirs) = pair.poll(&format!("json:{}", flavors(500)), 300).await?;
    let parts = format!("a loop that parses alone: ours {ours:.1?}, raw {theirs:.1?}");
    report.add("limits on parsing alone", ratio(ours, theirs), "x", None, parts);

    let session = Arc::new(Session::nothing());
    let templates = plugin.function("catalog.templates")?;
    let args = [Val::Option(Some(Box::new(Val::String(flavors(100)))))];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (took, done) =
            timed(async { plugin.instantiate(&session).await?.call(templates, &args).await }).await;
        done?;
        ours.push(took);
        let (took, done) = timed(async {
            let mut instance = raw.instantiate().await?;
            Raw::call(&mut instance, ("catalog", "templates"), &args).await
        })
        .await;
        done?;
        theirs.push(took);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let parts = format!("a page of 100 flavors: ours {ours:.1?}, raw {theirs:.1?}");
    report.add("limits on a JSON-heavy operation", ratio(ours, theirs), "x", Some(1.15), parts);
    Ok(())
}

async fn live_instances(plugin: &Plugin, report: &mut Report) -> Outcome<()> {
    let session = Arc::new(Session::nothing());
    let describe = plugin.function("driver.describe")?;
    let mut live = Vec::new();
    let before = resident_kib()?;
    for _ in 0..LIVE {
        let mut instance = plugin.instantiate(&session).await?;
        instance.call(describe, &[]).await?;
        live.push(instance);
    }
    let each = (resident_kib()? - before) / f64::from(LIVE);
    let parts = format!("{LIVE} of openstack, each called once");
    report.add("resident memory of an instance", each, "KiB", Some(128.0), parts);
    Ok(())
}

fn resident_kib() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let result = work.await;
    (start.elapsed(), result)
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
