//! How fast a file is copied through a gateway, beside OpenSSH's `scp -J` on the same path: as a ratio of
//! throughputs, the median of several rounds in turn. Needs what the tests need.
//!
//! `cargo run -p skywright-ssh --example copy_bench -- [SIZE_MIB] [ROUNDS]`

#[path = "../tests/all/rig.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "the tests use more of it, and end where it fails")]
mod rig;

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use skywright_ssh::{Client, CopyOptions, Place, Settings, copy};

use rig::{Machine, Rig};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let size_mib: u64 = arguments.next().map_or(Ok(1024), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    // As the command line has it: one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rig = Rig::start().ok_or("it needs root and openssh-server")?;
    let source = rig.path("source");
    fill(&source, size_mib)?;
    let upload = runtime.block_on(measure(&rig, &source, rounds, true))?;
    let download = runtime.block_on(measure(&rig, &source, rounds, false))?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{{\"size_mib\":{size_mib},\"upload_ratio\":{upload:.2},\"download_ratio\":{download:.2}}}"
    )?;
    Ok(())
}

/// Our throughput by that of `scp -J`.
async fn measure(rig: &Rig, source: &Path, rounds: usize, upload: bool) -> Outcome<f64> {
    let (far, near) = (rig.path("far"), rig.path("near"));
    let config = scp_config(rig)?;
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let started = Instant::now();
        let (from, to) = if upload {
            (source.display().to_string(), format!("inner:{}", far.display()))
        } else {
            (format!("inner:{}", source.display()), near.display().to_string())
        };
        let status = Command::new("scp").arg("-qF").arg(&config).arg(from).arg(to).status()?;
        if !status.success() {
            return Err("scp failed".into());
        }
        theirs.push(started.elapsed());
        let started = Instant::now();
        // With the connection, as it has to make one too.
        let connection = Client::new(Settings::default()).connect(&rig.target()).await?;
        let remote = |path: &Path| Place::remote(&connection, path.display().to_string());
        let (from, to) =
            if upload { (Place::local(source), remote(&far)) } else { (remote(source), Place::local(&near)) };
        copy(&[from], &to, &CopyOptions::default(), None).await?;
        ours.push(started.elapsed());
        let _ = fs::remove_file(&far);
        let _ = fs::remove_file(&near);
    }
    let mut err = std::io::stderr().lock();
    writeln!(err, "{} scp {theirs:?}, here {ours:?}", if upload { "upload" } else { "download" })?;
    Ok(median(theirs).as_secs_f64() / median(ours).as_secs_f64())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn fill(path: &Path, size_mib: u64) -> Outcome<()> {
    let mut random = File::open("/dev/urandom")?.take(size_mib << 20);
    std::io::copy(&mut random, &mut File::create(path)?)?;
    Ok(())
}

fn scp_config(rig: &Rig) -> Outcome<std::path::PathBuf> {
    let path = rig.path("scp_config");
    let text = format!(
        "Host gateway\n HostName {}\nHost inner\n HostName {}\n ProxyJump gateway\nHost *\n User root\n \
         IdentityFile {}\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n",
        rig.address(Machine::First),
        rig.address(Machine::Inner),
        rig.path("id").display()
    );
    fs::write(&path, text)?;
    Ok(path)
}
