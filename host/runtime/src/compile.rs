//! Compiling a plugin, in a child process of the same binary.
//!
//! Checking and compiling foreign WebAssembly can take long, take much memory, or meet a defect of
//! a parser or of the compiler. None of that may harm the host, so it happens in a child that has
//! limits of its own, no environment, and nothing but a pipe in and a pipe out.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use skywright_contract::{Interfaces, PackageError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::engine_config;
use crate::error::Error;
use crate::limits::{LimitExceeded, LimitName, Limits, milliseconds};

/// Where plugins are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In a child: `program args…`, which must end up in [`child_main`].
    Child {
        /// This binary, as a rule.
        program: PathBuf,
        /// What makes it call [`child_main`].
        args: Vec<OsString>,
    },
    /// In this process, without limits on time or memory. For plugins that were just built on this
    /// machine, and for tests; never for foreign bytes.
    InProcess,
}

/// What a compiled plugin is made of.
pub(crate) struct Compiled {
    pub(crate) interfaces: Interfaces,
    pub(crate) machine_code: Vec<u8>,
}

/// The child's answer: this header as one line of JSON, then the machine code.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Compiled(Interfaces),
    Refused(PackageError),
    Failed(String),
}

impl Compiler {
    /// Checks the bytes against the contract and compiles them.
    pub(crate) async fn compile(&self, bytes: &[u8], limits: &Limits) -> Result<Compiled, Error> {
        match self {
            Self::InProcess => {
                let engine = wasmtime::Engine::new(&engine_config(limits, false))
                    .map_err(|e| Error::Engine(e.to_string()))?;
                let (answer, machine_code) = answer(&engine, bytes);
                Self::accept(answer, machine_code)
            }
            Self::Child { program, args } => {
                let child = run_child(program, args, bytes, limits);
                match tokio::time::timeout(limits.compile_time, child).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(Error::Limit(LimitExceeded {
                        limit: LimitName::CompileTimeMs,
                        allowed: milliseconds(limits.compile_time),
                        used: None,
                    })),
                }
            }
        }
    }

    fn accept(answer: Answer, machine_code: Vec<u8>) -> Result<Compiled, Error> {
        match answer {
            Answer::Compiled(interfaces) => Ok(Compiled { interfaces, machine_code }),
            Answer::Refused(error) => Err(Error::Package(error)),
            Answer::Failed(reason) => Err(Error::Compile { reason }),
        }
    }
}

fn answer(engine: &wasmtime::Engine, bytes: &[u8]) -> (Answer, Vec<u8>) {
    let interfaces = match skywright_contract::check(bytes) {
        Ok((_, interfaces)) => interfaces,
        Err(error) => return (Answer::Refused(error), Vec::new()),
    };
    match engine.precompile_component(bytes) {
        Ok(machine_code) => (Answer::Compiled(interfaces), machine_code),
        Err(error) => (Answer::Failed(format!("{error:#}")), Vec::new()),
    }
}

async fn run_child(
    program: &PathBuf,
    args: &[OsString],
    bytes: &[u8],
    limits: &Limits,
) -> Result<Compiled, Error> {
    let failed =
        |e: std::io::Error| Error::Compile { reason: format!("cannot run {}: {e}", program.display()) };
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .arg(limits.compile_memory_bytes.to_string())
        .arg(limits.compile_time.as_secs().max(1).to_string())
        .arg(limits.stack_bytes.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that dies early closes the pipe; its status says why.
            let _ = stdin.write_all(bytes).await;
        }
    };
    let ((), output, complaint) = tokio::join!(feed, drain(stdout, u64::MAX), drain(stderr, 64 << 10));
    let status = child.wait().await.map_err(failed)?;
    let output = output.map_err(failed)?;
    let complaint = String::from_utf8_lossy(&complaint.map_err(failed)?).into_owned();
    let split = output.iter().position(|byte| *byte == b'\n');
    match split.and_then(|at| Some((serde_json::from_slice(output.get(..at)?).ok()?, output.get(at + 1..)?)))
    {
        Some((answer, machine_code)) if status.success() => Compiler::accept(answer, machine_code.to_vec()),
        _ => Err(crashed(status, &complaint, limits)),
    }
}

async fn drain(pipe: Option<impl tokio::io::AsyncRead + Unpin>, at_most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(at_most).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// What a child that gave no answer died of.
fn crashed(status: ExitStatus, complaint: &str, limits: &Limits) -> Error {
    use std::os::unix::process::ExitStatusExt;
    const SIGXCPU: i32 = 24;
    const OUT_OF_MEMORY: [&str; 3] = ["memory allocation of", "Cannot allocate memory", "out of memory"];
    if OUT_OF_MEMORY.iter().any(|text| complaint.contains(text)) {
        let allowed = limits.compile_memory_bytes;
        return LimitExceeded { limit: LimitName::CompileMemoryBytes, allowed, used: None }.into();
    }
    if status.signal() == Some(SIGXCPU) {
        let allowed = milliseconds(limits.compile_time);
        return LimitExceeded { limit: LimitName::CompileTimeMs, allowed, used: None }.into();
    }
    let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Error::Compile { reason: format!("the compiler ended with {status}: {last}") }
}

/// The child's side: reads a component from standard input, writes the answer to standard output.
///
/// `args` are what [`Compiler::Child`] appended: memory in bytes, CPU time in seconds, guest stack
/// in bytes. The limits are set before the first foreign byte is read.
///
/// # Errors
///
/// [`Error::Engine`] if the arguments, the limits or the pipes fail; everything about the component
/// itself is part of the answer.
pub fn child_main(args: &[String]) -> Result<(), Error> {
    let broken = |what: String| Error::Engine(format!("compile child: {what}"));
    let numbers: Vec<u64> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let [memory_bytes, cpu_seconds, stack_bytes] = numbers[..] else {
        return Err(broken("three numbers are expected".to_owned()));
    };
    let hard = |value| Rlimit { current: Some(value), maximum: Some(value) };
    for (resource, value) in [
        (Resource::As, memory_bytes),
        // Twice the wall time, for two cores.
        (Resource::Cpu, cpu_seconds.saturating_mul(2)),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
    ] {
        setrlimit(resource, hard(value)).map_err(|e| broken(e.to_string()))?;
    }
    let limits = Limits {
        stack_bytes: usize::try_from(stack_bytes).unwrap_or(usize::MAX),
        compile_time: Duration::from_secs(cpu_seconds),
        ..Limits::default()
    };
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| broken(e.to_string()))?;
    let engine = wasmtime::Engine::new(&engine_config(&limits, false)).map_err(|e| broken(e.to_string()))?;
    let (answer, machine_code) = answer(&engine, &bytes);
    let mut header = serde_json::to_vec(&answer).map_err(|e| broken(e.to_string()))?;
    header.push(b'\n');
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(&header)
        .and_then(|()| stdout.write_all(&machine_code))
        .and_then(|()| stdout.flush())
        .map_err(|e| broken(e.to_string()))
}
