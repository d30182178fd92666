//! A feature on fifty hosts of this machine at once, beside Ansible doing the same steps on the same hosts.
//!
//! A host's own time is from the first line of the first step to the last of the last, by its own clock. What is above
//! the slowest host's is ours: connections through a gateway, waiting for others, writing down.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Outcome;
use crate::local::Bench;
use crate::report::Report;

const HOSTS: usize = 50;
const STEPS: usize = 6;
/// What each step takes on a host: as long as a small package, and no processor.
const STEP_SECONDS: usize = 10;

/// What limits how many containers run.
const MAX_INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";

pub(crate) fn measure(bench: &Bench, ansible: &Path, report: &mut Report) -> Outcome<()> {
    let before = fs::read_to_string(MAX_INSTANCES)?;
    if before.trim().parse::<u32>().is_ok_and(|before| before < 1024) {
        fs::write(MAX_INSTANCES, "1024")?;
    }
    let made = fleet(bench, ansible, report);
    // Whatever came of it, nothing stays.
    let removed = bench.run(&["network", "delete", "bench", "--force", "--yes"]);
    fs::write(MAX_INSTANCES, before)?;
    made.and(removed.map(drop))
}

fn fleet(bench: &Bench, ansible: &Path, report: &mut Report) -> Outcome<()> {
    bench.run(&["plugin", "install", "skywright/recipe-interpreter", "--yes"])?;
    let folder = bench.folder().join("pace");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("recipe.yaml"), recipe())?;
    let place = folder.to_string_lossy().into_owned();
    let dist = folder.join("dist").to_string_lossy().into_owned();
    bench.run(&["feature", "build", &place, "--out", &dist])?;
    bench.run(&["plugin", "dev", &dist])?;

    bench.run(&["network", "create", "bench", "--cidr", "192.168.89.0/24"])?;
    let names: Vec<_> = (1..=HOSTS).map(|number| format!("host-{number}")).collect();
    let words: Vec<_> = names.iter().map(String::as_str).collect();
    bench.run(&[&["host", "create"][..], &words, &["--network", "bench"]].concat())?;
    let on = names.join(",");
    let start = Instant::now();
    bench.run(&["feature", "add", "pace", "--on", &on])?;
    let ours = start.elapsed().as_secs_f64();
    let slowest = slowest(bench, &words, "skywright")?;
    let parts =
        format!("{HOSTS} hosts, {STEPS} steps: {ours:.1} s / {slowest:.1} s of the slowest host's own");
    report.add("feature on 50 hosts / slowest host", ours / slowest, "", Some(1.15), parts);

    let theirs = playbook(bench, ansible, &names)?;
    let parts = format!(
        "{ours:.1} s / {theirs:.1} s of ansible-playbook --forks {HOSTS}, raw lines, no facts gathered"
    );
    report.add("feature on 50 hosts / Ansible", ours / theirs, "", None, parts);
    Ok(())
}

fn line(by: &str) -> String {
    format!("date +%s.%N >>/var/tmp/{by}; sleep {STEP_SECONDS}; date +%s.%N >>/var/tmp/{by}")
}

fn recipe() -> String {
    let mut text = "recipe: 1\nid: bench/pace\nversion: 0.1.0\ntitle: Steps that take a while\ndescription: For measuring what running costs beside the hosts' own time\nlicense: Apache-2.0\n\
        report: nobody\nplatforms:\n  - { family: debian, distribution: debian, versions: [\"12\"] }\n\
        check:\n  steps:\n    - id: look\n      title: look\n      do:\n        script: { idempotent: true, text: test -s /var/tmp/skywright }\n\
        add:\n  steps:\n"
        .to_owned();
    for step in 1..=STEPS {
        let needs = if step == 1 { String::new() } else { format!("      needs: [step-{}]\n", step - 1) };
        let _ = write!(
            text,
            "    - id: step-{step}\n      title: wait a while\n{needs}      do:\n        script: {{ idempotent: true, text: {:?} }}\n      undo:\n        script: {{ idempotent: true, text: \"true\" }}\n",
            line("skywright"),
        );
    }
    text + "remove:\n  steps:\n    - id: gone\n      title: forget\n      do:\n        script: { idempotent: true, text: rm -f /var/tmp/skywright }\n"
}

/// How long the host that took longest was at it, in seconds.
fn slowest(bench: &Bench, hosts: &[&str], by: &str) -> Outcome<f64> {
    let command = format!("sed -n '1p;$p' /var/tmp/{by}");
    let told = bench.run(&[&["ssh", "run"][..], hosts, &["-c", &command]].concat())?;
    let mut slowest = 0.0_f64;
    for host in told["result"].as_array().into_iter().flatten() {
        let mut times = host["stdout"].as_str().unwrap_or_default().lines().map(str::parse::<f64>);
        let (Some(Ok(first)), Some(Ok(last))) = (times.next(), times.next()) else {
            return Err(format!("no times of {}", host["host"]).into());
        };
        slowest = slowest.max(last - first);
    }
    if slowest > 0.0 { Ok(slowest) } else { Err("no host told its times".into()) }
}

/// The same steps by `ansible-playbook`, in seconds. As raw lines, which is the least that it does: its other modules
/// need a whole Python on the hosts, and copy themselves there.
fn playbook(bench: &Bench, ansible: &Path, hosts: &[String]) -> Outcome<f64> {
    let folder = bench.folder().join("ansible");
    fs::create_dir_all(&folder)?;
    let config = folder.join("ssh_config");
    let written = bench.run(&["ssh", "config"])?;
    fs::write(&config, written["result"]["config"].as_str().unwrap_or_default())?;
    let (inventory, play) = (folder.join("inventory"), folder.join("play.yaml"));
    fs::write(&inventory, hosts.join("\n") + "\n")?;
    let mut text = "- hosts: all\n  gather_facts: false\n  become: true\n  tasks:\n".to_owned();
    for step in 1..=STEPS {
        let _ = writeln!(text, "    - {{ name: step {step}, ansible.builtin.raw: {:?} }}", line("ansible"));
    }
    fs::write(&play, text)?;
    let start = Instant::now();
    let mut command = Command::new(ansible.join("bin/ansible-playbook"));
    command.args(["--forks", &HOSTS.to_string(), "-i"]).arg(&inventory).arg(&play);
    command.env(
        "ANSIBLE_SSH_ARGS",
        format!("-F {} -o ControlMaster=auto -o ControlPersist=60s", config.display()),
    );
    command.env("ANSIBLE_HOME", &folder).env("ANSIBLE_PIPELINING", "1");
    command.env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3");
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        let why = said.lines().find(|line| line.starts_with("fatal:")).unwrap_or_default();
        return Err(format!("ansible-playbook: {why}").into());
    }
    Ok(start.elapsed().as_secs_f64())
}
