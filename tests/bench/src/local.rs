//! Hosts on this machine: how soon they let somebody in, what they take idle, and how fast files go through a
//! gateway beside OpenSSH.
//!
//! Times are told as they are, and as ratios to what this very machine does in the same run: to a start of one host
//! for ten at once, to `scp -J` for copies.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::Outcome;
use crate::report::Report;

/// How many hosts are made at once.
const TOGETHER: usize = 10;
/// How often a file goes each way, by each program in turn.
const ROUNDS: usize = 3;
const FILE_MIB: usize = 1024;

/// A home of its own with the local provider.
pub(crate) struct Bench {
    skywright: PathBuf,
    home: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new(skywright: &Path, repository: &Path, images: &Path) -> Outcome<Self> {
        let bench = Self { skywright: skywright.into(), home: tempfile::tempdir()? };
        let cache = bench.home.path().join("cache");
        fs::create_dir_all(images)?;
        fs::create_dir_all(&cache)?;
        symlink(images, cache.join("images"))?;
        let root = repository.join("metadata/1.root.json");
        let (repository, root) = (repository.to_string_lossy(), root.to_string_lossy());
        bench.run(&["repo", "add", "ours", &repository, "--root", &root, "--yes"])?;
        bench.run(&["plugin", "install", "skywright/local", "--yes"])?;
        Ok(bench)
    }

    pub(crate) fn measure(&self, report: &mut Report) -> Outcome<()> {
        let made = self.hosts(report).and_then(|()| self.copies(report));
        // Whatever came of it, nothing stays.
        let removed = self.run(&["network", "delete", "bench", "--force", "--yes"]);
        made.and(removed.map(drop))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome<Value> {
        let mut command = Command::new(&self.skywright);
        command.args(arguments).args(["--output", "json"]).env("SKYWRIGHT_HOME", self.home.path());
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            // Asked for JSON, it says there why.
            let said = String::from_utf8_lossy(&output.stdout);
            return Err(format!("skywright {}: {said}", arguments.join(" ")).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn hosts(&self, report: &mut Report) -> Outcome<()> {
        self.run(&["network", "create", "bench", "--cidr", "192.168.89.0/24"])?;
        let start = Instant::now();
        self.run(&["host", "create", "first", "--network", "bench"])?;
        self.run(&["ssh", "run", "first", "-c", "true"])?;
        let one = start.elapsed().as_secs_f64();
        report.add(
            "first host until SSH",
            one,
            "s",
            None,
            "image cached; goal 3 s on an idle machine".into(),
        );
        let names: Vec<_> = (1..=TOGETHER).map(|number| format!("host-{number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let start = Instant::now();
        self.run(&[&["host", "create"][..], &names, &["--network", "bench"]].concat())?;
        self.run(&[&["ssh", "run"][..], &names, &["-c", "true"]].concat())?;
        let all = start.elapsed().as_secs_f64();
        report.add("ten hosts at once until SSH", all, "s", None, "goal 12 s on two idle cores".into());
        report.add("ten hosts / one host", all / one, "", Some(4.0), format!("{all:.1} s / {one:.1} s"));
        let (rss, pss) = memory_of_hosts(self.home.path())?;
        let count = (TOGETHER + 2) as f64;
        let parts = format!("{} hosts; shared pages divided: {:.1} MiB", TOGETHER + 2, pss / count);
        report.add("memory of an idle host", rss / count, "MiB", None, format!("of its own pages; {parts}"));
        report.add("memory of an idle host, shared pages divided", pss / count, "MiB", Some(30.0), parts);
        Ok(())
    }

    fn copies(&self, report: &mut Report) -> Outcome<()> {
        let source = self.home.path().join("file");
        fill(&source)?;
        let config = self.home.path().join("ssh_config");
        let written = self.run(&["ssh", "config", "first"])?;
        fs::write(&config, written["result"]["config"].as_str().unwrap_or_default())?;
        let (source, config) = (source.to_string_lossy(), config.to_string_lossy());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            self.run(&["ssh", "run", "first", "-c", "rm -f /var/tmp/ours /var/tmp/theirs"])?;
            let start = Instant::now();
            self.run(&["ssh", "copy", &source, "first:/var/tmp/ours"])?;
            ours.push(start.elapsed().as_secs_f64());
            let start = Instant::now();
            // Its configuration names the gateway, as -J would.
            let copied =
                Command::new("scp").args(["-q", "-F", &config, &source, "first:/var/tmp/theirs"]).status()?;
            if !copied.success() {
                return Err("scp failed".into());
            }
            theirs.push(start.elapsed().as_secs_f64());
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let parts = format!("{FILE_MIB} MiB: {ours:.1} s / {theirs:.1} s; ours checks digests on both sides");
        report.add("ssh copy / scp -J, time", ours / theirs, "", Some(1.0 / 0.7), parts);
        Ok(())
    }
}

/// Bytes that nothing on the way makes shorter.
fn fill(path: &Path) -> Outcome<()> {
    let mut file = File::create(path)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = vec![0; 1 << 20];
    for _ in 0..FILE_MIB {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block)?;
    }
    file.sync_all()?;
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What the processes of a home's hosts take, in MiB: their private pages, and with those that they share divided
/// among all that do.
fn memory_of_hosts(home: &Path) -> Outcome<(f64, f64)> {
    let (mut private, mut divided) = (0, 0);
    for init in inits(home)? {
        for pid in below(&init) {
            let told = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            for line in told.lines() {
                let mut words = line.split_whitespace();
                let kib: u64 = match (words.next(), words.next()) {
                    (Some(name), Some(value)) if name.starts_with("Private_") || name == "Pss:" => {
                        value.parse()?
                    }
                    _ => continue,
                };
                if line.starts_with("Pss:") { divided += kib } else { private += kib }
            }
        }
    }
    let mib = |kib: u64| kib as f64 / 1024.0;
    Ok((mib(private), mib(divided)))
}

/// Those that run the hosts of a home.
fn inits(home: &Path) -> Outcome<Vec<String>> {
    let folder = fs::canonicalize(home)?.join("state/machines/machines");
    let folder = format!("--directory={}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        let ours = |word: &[u8]| word.starts_with(folder.as_bytes());
        if words.next() == Some(b"systemd-nspawn") && words.any(ours) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// A process and all that it and its own have started.
fn below(pid: &str) -> Vec<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut all = vec![pid.to_owned()];
    all.extend(children.split_whitespace().flat_map(below));
    all
}
