//! A real control plane: what a listing costs beside other clients, and many hosts beside a plain client.
//!
//! CPU is what the children of this process used, by the kernel's account in ticks of 10 ms; each command runs
//! several times. The control plane shares the machine: it slows both sides of a ratio.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::Outcome;
use crate::report::Report;

/// How many hosts are made in one command.
const BURST: usize = 50;
/// How many hosts are listed, beside none.
const MANY: usize = 200;
/// How often each listing runs.
const RUNS: u32 = 5;
/// How many hosts of the listing one command makes.
const AT_ONCE: usize = 100;

/// The rig and the binary.
pub(crate) struct Bench {
    skywright: PathBuf,
    access: Value,
    home: tempfile::TempDir,
}

impl Bench {
    /// With the provider as users have it: signed, and installed from `repository`.
    pub(crate) fn new(skywright: &Path, repository: &Path, access: &Path) -> Outcome<Self> {
        let access: Value = serde_json::from_str(&std::fs::read_to_string(access)?)?;
        let home = tempfile::tempdir()?;
        let bench = Self { skywright: skywright.into(), access, home };
        let config = bench.home.path().join("config");
        std::fs::create_dir_all(&config)?;
        let tenants = format!(
            "tenants:\n  rig:\n    provider: skywright/openstack\n    settings:\n      auth-url: {}\n      region: {}\n      user: {}\n      project-name: {}\n    secrets:\n      password: {{ env: RIG_PASSWORD }}\n    defaults: {{ wait-for-boot: false }}\n    grants:\n      plaintext-credentials: true\n",
            bench.text("auth_url"),
            bench.text("region"),
            bench.text("username"),
            bench.text("project"),
        );
        std::fs::write(config.join("tenants.yaml"), tenants)?;
        let root = repository.join("metadata/1.root.json");
        let (repository, root) = (repository.to_string_lossy(), root.to_string_lossy());
        succeed(&mut bench.skywright(&["repo", "add", "ours", &repository, "--root", &root, "--yes"]))?;
        succeed(&mut bench.skywright(&["plugin", "install", "skywright/openstack", "--yes"]))?;
        Ok(bench)
    }

    fn text(&self, key: &str) -> &str {
        self.access[key].as_str().unwrap_or_default()
    }

    fn skywright(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.skywright);
        command
            .args(arguments)
            .args(["--output", "json"])
            .env("SKYWRIGHT_HOME", self.home.path())
            .env_remove("SKYWRIGHT_PLUGINS")
            .env("RIG_PASSWORD", self.text("password"));
        command
    }

    /// `openstack server list`.
    fn client(&self) -> Command {
        let mut command = Command::new(self.text("client"));
        command.args(["server", "list", "-f", "json"]);
        for (name, key) in
            [("OS_AUTH_URL", "auth_url"), ("OS_USERNAME", "username"), ("OS_PROJECT_NAME", "project")]
        {
            command.env(name, self.text(key));
        }
        command
            .env("OS_PASSWORD", self.text("password"))
            .env("OS_USER_DOMAIN_NAME", "Default")
            .env("OS_PROJECT_DOMAIN_NAME", "Default")
            .env("OS_REGION_NAME", self.text("region"))
            .env("OS_IDENTITY_API_VERSION", "3");
        command
    }

    /// The same by Apache Libcloud, from a virtual environment of its own.
    fn libcloud(&self) -> Outcome<Command> {
        const SCRIPT: &str = "
import os
from libcloud.compute.providers import get_driver
driver = get_driver('openstack')(
    os.environ['RIG_USER'], os.environ['RIG_PASSWORD'], api_version='2.2',
    ex_force_auth_url=os.environ['RIG_URL'], ex_force_auth_version='3.x_password',
    ex_tenant_name=os.environ['RIG_PROJECT'], ex_force_service_region=os.environ['RIG_REGION'],
    ex_domain_name='Default', ex_tenant_domain_id='default')
print(len(driver.list_nodes()))
";
        let folder = self.home.path().join("libcloud");
        let python = folder.join("bin/python");
        if !python.exists() {
            let near = Path::new(self.text("client")).with_file_name("python");
            succeed(Command::new(near).args(["-m", "venv"]).arg(&folder))?;
            succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "apache-libcloud"]))?;
        }
        let mut command = Command::new(python);
        command
            .args(["-c", SCRIPT])
            .env("RIG_USER", self.text("username"))
            .env("RIG_PASSWORD", self.text("password"))
            .env("RIG_URL", self.text("auth_url").trim_end_matches("/v3"))
            .env("RIG_PROJECT", self.text("project"))
            .env("RIG_REGION", self.text("region"));
        Ok(command)
    }

    fn listings(&self, hosts: &'static str, names: [&'static str; 2], report: &mut Report) -> Outcome<()> {
        succeed(&mut self.skywright(&["host", "list", "--all"]))?;
        let ours = cpu(RUNS * 4, || self.skywright(&["host", "list", "--all"]))?;
        let client = cpu(RUNS, || self.client())?;
        // A share of theirs, so that less is better: 0.05 is twenty times less.
        let parts = |theirs: Duration| format!("at {hosts} hosts: ours {ours:.1?} CPU, theirs {theirs:.1?}");
        let share = |theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64();
        report.add(names[0], share(client), "x", Some(0.05), parts(client));
        match self.libcloud() {
            Ok(_) => {
                let libcloud = cpu(RUNS, || self.libcloud().unwrap_or_else(|_| Command::new("false")))?;
                report.add(names[1], share(libcloud), "x", Some(0.05), parts(libcloud));
            }
            Err(error) => crate::report::complain(&format!("libcloud could not be installed: {error}")),
        }
        Ok(())
    }

    /// Everything. The project has to be empty of hosts.
    pub(crate) async fn measure(&self, report: &mut Report) -> Outcome<()> {
        self.listings("0", ["host list / openstack, 0 hosts", "host list / libcloud, 0 hosts"], report)?;
        succeed(&mut self.skywright(&[
            "network",
            "create",
            "bench",
            "--gateway",
            "managed",
            "--cidr",
            "10.77.0.0/20",
        ]))?;
        let outcome = self.with_network(report).await;
        succeed(&mut self.skywright(&["network", "delete", "bench", "--force", "--yes"]))?;
        outcome
    }

    async fn with_network(&self, report: &mut Report) -> Outcome<()> {
        let plain = Plain::log_in(&self.access, "bench").await?;
        let start = Instant::now();
        plain.burst(BURST).await?;
        let theirs = start.elapsed();
        plain.delete_all().await?;
        let start = Instant::now();
        succeed(&mut self.skywright(&[
            "host",
            "create",
            "burst",
            "--network",
            "bench",
            "--sizing",
            &format!("count={BURST}"),
            "--quiet",
        ]))?;
        let ours = start.elapsed();
        let parts = format!("ours {ours:.1?}, a plain concurrent client {theirs:.1?}");
        report.add(
            "50 hosts in one command",
            ours.as_secs_f64() / theirs.as_secs_f64(),
            "x",
            Some(1.3),
            parts,
        );
        for (name, count) in [("more", AT_ONCE), ("rest", MANY - BURST - AT_ONCE)] {
            let sizing = format!("count={count}");
            succeed(&mut self.skywright(&[
                "host",
                "create",
                name,
                "--network",
                "bench",
                "--sizing",
                &sizing,
                "--quiet",
            ]))?;
        }
        self.listings("200", ["host list / openstack, 200 hosts", "host list / libcloud, 200 hosts"], report)
    }
}

fn succeed(command: &mut Command) -> Outcome<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{command:?} ended with {}: {said}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    )
    .into())
}

/// CPU of one run of a command, of many.
fn cpu(runs: u32, command: impl Fn() -> Command) -> Outcome<Duration> {
    let before = children_cpu()?;
    for _ in 0..runs {
        succeed(&mut command())?;
    }
    Ok((children_cpu()? - before) / runs)
}

/// CPU of all children that have ended, user and system: fields 16 and 17 of `/proc/self/stat`.
fn children_cpu() -> Outcome<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.get(13).ok_or("no cutime")?.parse::<u64>()?
        + fields.get(14).ok_or("no cstime")?.parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// A client that does the least there is to do: a port and a server each, and polls until all run.
struct Plain {
    http: reqwest::Client,
    token: String,
    compute: String,
    network_url: String,
    network: String,
    subnet: String,
    flavor: String,
    image: String,
}

impl Plain {
    async fn log_in(access: &Value, network: &str) -> Outcome<Self> {
        // Fails where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        let text = |key: &str| access[key].as_str().unwrap_or_default().to_owned();
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user":
                {"name": text("username"), "password": text("password"), "domain": {"id": "default"}}}},
            "scope": {"project": {"name": text("project"), "domain": {"id": "default"}}},
        }});
        let request =
            http.post(format!("{}/auth/tokens", text("auth_url"))).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await?;
        let token = answer.headers()["x-subject-token"].to_str()?.to_owned();
        let catalog: Value = serde_json::from_str(&answer.text().await?)?;
        let endpoint = |kind: &str| -> Outcome<String> {
            let services = catalog["token"]["catalog"].as_array().ok_or("no catalog")?;
            let service = services.iter().find(|service| service["type"] == kind).ok_or("no service")?;
            let endpoints = service["endpoints"].as_array().ok_or("no endpoints")?;
            let public = endpoints.iter().find(|endpoint| endpoint["interface"] == "public");
            Ok(public.and_then(|e| e["url"].as_str()).ok_or("no url")?.trim_end_matches('/').to_owned())
        };
        let mut plain = Self {
            compute: endpoint("compute")?,
            network_url: endpoint("network")?,
            network: String::new(),
            subnet: String::new(),
            flavor: String::new(),
            image: String::new(),
            http,
            token,
        };
        let networks = plain.get(&format!("{}/v2.0/networks?name={network}", plain.network_url)).await?;
        plain.network = id_of(&networks["networks"][0])?;
        plain.subnet = networks["networks"][0]["subnets"][0].as_str().ok_or("no subnet")?.to_owned();
        let flavors = plain.get(&format!("{}/flavors/detail", plain.compute)).await?;
        let flavors = flavors["flavors"].as_array().ok_or("no flavors")?;
        let small = flavors.iter().filter(|f| f["disk"].as_u64() > Some(0)).min_by_key(|f| f["ram"].as_u64());
        plain.flavor = id_of(small.ok_or("no flavor")?)?;
        let images = plain.get(&format!("{}/v2/images", endpoint("image")?)).await?;
        plain.image = id_of(&images["images"][0])?;
        Ok(plain)
    }

    async fn get(&self, url: &str) -> Outcome<Value> {
        let answer = self.http.get(url).header("x-auth-token", &self.token).send().await?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    async fn post(&self, url: &str, body: Value) -> Outcome<Value> {
        let request = self
            .http
            .post(url)
            .header("x-auth-token", &self.token)
            .header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            Ok(serde_json::from_str(&text)?)
        } else {
            Err(format!("{url}: {status} {text}").into())
        }
    }

    async fn burst(&self, count: usize) -> Outcome<()> {
        let window = Semaphore::new(10);
        let one = async |number: usize| -> Outcome<()> {
            let _turn = window.acquire().await?;
            let port =
                json!({"port": {"network_id": self.network, "fixed_ips": [{"subnet_id": self.subnet}]}});
            let port = id_of(&self.post(&format!("{}/v2.0/ports", self.network_url), port).await?["port"])?;
            let server = json!({"server": {"name": format!("plain-{number}"), "flavorRef": self.flavor,
                "imageRef": self.image, "networks": [{"port": port}]}});
            let id = id_of(&self.post(&format!("{}/servers", self.compute), server).await?["server"])?;
            loop {
                let server = self.get(&format!("{}/servers/{id}", self.compute)).await?;
                match server["server"]["status"].as_str() {
                    Some("ACTIVE") => return Ok(()),
                    Some("ERROR") => return Err("a server failed".into()),
                    _ => tokio::time::sleep(Duration::from_secs(1)).await,
                }
            }
        };
        let all: Vec<_> = (0..count).map(one).collect();
        for outcome in futures_util::future::join_all(all).await {
            outcome?;
        }
        Ok(())
    }

    async fn delete_all(&self) -> Outcome<()> {
        loop {
            let servers = self.get(&format!("{}/servers?name=plain-&limit=1000", self.compute)).await?;
            let servers = servers["servers"].as_array().cloned().unwrap_or_default();
            if servers.is_empty() {
                break;
            }
            for server in servers {
                self.delete(&format!("{}/servers/{}", self.compute, id_of(&server)?)).await?;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let ports = self
            .get(&format!("{}/v2.0/ports?network_id={}&device_id=", self.network_url, self.network))
            .await?;
        for port in ports["ports"].as_array().into_iter().flatten() {
            self.delete(&format!("{}/v2.0/ports/{}", self.network_url, id_of(port)?)).await?;
        }
        Ok(())
    }

    async fn delete(&self, url: &str) -> Outcome<()> {
        self.http.delete(url).header("x-auth-token", &self.token).send().await?;
        Ok(())
    }
}

fn id_of(value: &Value) -> Outcome<String> {
    Ok(value["id"].as_str().ok_or_else(|| format!("no id in {value}"))?.to_owned())
}
