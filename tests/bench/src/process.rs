//! Whole processes: what a person at a prompt waits for.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::report::Report;
use crate::{Outcome, inside::median};

/// How often each command runs.
const RUNS: usize = 40;

pub(crate) fn measure(skywright: &Path, plugins: &Path, report: &mut Report) -> Outcome<()> {
    let home = tempfile::tempdir()?;
    let run = |args: &[&str]| -> Outcome<Duration> {
        let mut command = Command::new(skywright);
        command.args(args).env("SKYWRIGHT_HOME", home.path()).env("SKYWRIGHT_PLUGINS", plugins);
        command.env("SKYWRIGHT_ALLOW_UNSIGNED", "1");
        let start = Instant::now();
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        let took = start.elapsed();
        if status.success() { Ok(took) } else { Err(format!("{args:?} ended with {status}").into()) }
    };
    let path = plugins.join("openstack.wasm");
    let path = path.to_str().ok_or("the plugins' path is not text")?;
    let call = ["plugin", "call", path, "driver.describe", "--output", "json"];
    run(&call)?;
    let (mut version, mut describe) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        version.push(run(&["--version"])?);
        describe.push(run(&call)?);
    }
    let (version, describe) = (median(version), median(describe));
    let over = (describe.as_secs_f64() - version.as_secs_f64()) * 1e3;
    let parts = format!("plugin call describe {describe:.1?}, --version {version:.1?}");
    report.add("warm plugin call over --version", over, "ms", Some(10.0), parts);
    Ok(())
}
