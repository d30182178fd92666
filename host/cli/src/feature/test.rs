//! `skywright feature test`: a recipe on fresh hosts of each system that it names: added, checked, added again,
//! removed, checked; and what is left of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use skywright_core::feature::{Given, Place, PluginFeature, RunFeature, RunRecord, TargetSpec};
use skywright_core::resource::{
    CreateHosts, CreateNetwork, DeleteHosts, DeleteNetworks, GatewayMode, Labels, MachineRequest,
    SubnetRequest,
};
use skywright_core::{Name, Tenancy};
use skywright_recipe_format::Recipe;
use skywright_recipe_format::plan::Action;
use skywright_ssh::{Client, Command, Settings};

use super::args;
use super::sandboxed::{self, Built};
use super::test_args::Test;
use crate::error::Error;
use crate::plugin::host;
use crate::site::Site;

/// The network that is made, and what its hosts are called by.
const NAME: &str = "feature-test";

/// What a host has of what matters: packages, units, rules of its firewall, links, and files of the folders where
/// software is configured. What a system renews by itself is not among it.
const TRACES: &str = r"dpkg-query -W -f 'package ${Package} ${db:Status-Status}\n' 2>/dev/null || rpm -qa --qf 'package %{NAME}\n'
systemctl list-unit-files --no-legend --no-pager | sed 's/^/unit /'
nft list ruleset 2>/dev/null | sed 's/^/rule /'
ls /sys/class/net | sed 's/^/link /'
getent passwd | cut -d: -f1 | sed 's/^/account /'
find /etc /usr/local /opt /root /home -xdev \( -type f -o -type l \) ! -name '*.cache' ! -name '*-' ! -name mailcap \
    ! -path '/etc/group' ! -path '/etc/gshadow' ! -path '/etc/passwd' ! -path '/etc/shadow' ! -path '/etc/subuid' \
    ! -path '/etc/subgid' | sed 's/^/file /'
ls -d /run/skywright-features /var/lib/skywright/features 2>/dev/null | sed 's/^/file /'";

/// How one step of a test went.
#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    passed: bool,
    /// What went wrong, or what there is to say.
    note: String,
    elapsed_ms: u64,
}

/// How a recipe fared on one system.
#[derive(Debug, Serialize)]
struct Outcome {
    system: String,
    /// Whether there was an image to try it on.
    tried: bool,
    passed: bool,
    steps: Vec<Step>,
}

/// A test under way.
struct Bench<'a> {
    site: &'a Site<'a>,
    tenancy: &'a Tenancy,
    client: Client,
    feature: String,
    given: Vec<Given>,
    on: TargetSpec,
    steps: Vec<Step>,
}

pub(super) async fn run(args: Test, site: &Site<'_>) -> Result<(), Error> {
    let host = host(site.sandbox(), false)?;
    let recipe = args::Recipe { dir: args.dir.clone(), interpreter: args.interpreter.clone() };
    let Built { source, feature, .. } = sandboxed::build(&host, &recipe)?;
    let mut tenancy = site.open().await?;
    let plugin = host.load_built(&feature.bytes).await?;
    tenancy.add_feature(Arc::new(PluginFeature::new(plugin).await?));
    let recipe = source.bundle.recipe;
    let mut outcomes = Vec::new();
    for system in systems(&recipe).into_iter().filter(|system| system.contains(&args.system)) {
        outcomes.push(on_system(&args, &recipe, &system, &tenancy, site).await?);
    }
    site.clear();
    let failed = outcomes.iter().filter(|outcome| outcome.tried && !outcome.passed).count();
    let tried = outcomes.iter().filter(|outcome| outcome.tried).count();
    let show = || outcomes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if failed == 0 && tried > 0 {
        return site.printer.result(&outcomes, show);
    }
    site.printer.failed_result(show)?;
    let report = serde_json::to_value(&outcomes).unwrap_or_default();
    Err(Error::Checks { failed, blocked: outcomes.len() - tried, stopped: false, report: Box::new(report) })
}

/// `debian 12` and so on, once each.
fn systems(recipe: &Recipe) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut systems = Vec::new();
    for sample in skywright_recipe::samples(recipe) {
        if let Some(host) = sample.target.hosts.first() {
            let system = format!("{} {}", host.os_distribution, host.os_version);
            if seen.insert(system.clone()) {
                systems.push(system);
            }
        }
    }
    systems
}

/// As many hosts as its parts need, one of each at least.
fn places(recipe: &Recipe) -> Vec<Place> {
    let mut places = Vec::new();
    let mut add = |roles: Vec<String>| {
        places.push(Place { host: format!("{NAME}-{}", places.len() + 1), roles });
    };
    for (name, role) in &recipe.roles {
        for _ in 0..role.at_least.max(1) {
            add(vec![name.clone()]);
        }
    }
    if recipe.roles.is_empty() {
        add(Vec::new());
    }
    places
}

async fn on_system(
    args: &Test,
    recipe: &Recipe,
    system: &str,
    tenancy: &Tenancy,
    site: &Site<'_>,
) -> Result<Outcome, Error> {
    let on = TargetSpec { places: places(recipe) };
    let mut bench = Bench {
        site,
        tenancy,
        client: Client::new(Settings::default()),
        feature: recipe.id.clone(),
        given: args.parameters.given.clone(),
        on,
        steps: Vec::new(),
    };
    let outcome = |tried, steps: Vec<Step>| Outcome {
        system: system.to_owned(),
        tried,
        passed: tried && steps.iter().all(|step| step.passed),
        steps,
    };
    match bench.make(args, system).await {
        Ok(()) => {}
        Err(Error::Core(error @ skywright_core::Error::Sizing(_))) => {
            bench.delete().await?;
            bench.note("hosts", Instant::now(), Err(format!("not tried: {error}")));
            return Ok(outcome(false, bench.steps));
        }
        Err(error) => {
            bench.delete().await?;
            return Err(error);
        }
    }
    let tried = bench.all(args).await;
    let is_well = tried.is_ok() && bench.steps.iter().all(|step| step.passed);
    if !args.keep || is_well {
        bench.delete().await?;
    }
    tried?;
    Ok(outcome(true, bench.steps))
}

impl Bench<'_> {
    async fn make(&mut self, args: &Test, system: &str) -> Result<(), Error> {
        let started = Instant::now();
        // A test that was ended left them.
        self.delete().await?;
        let name: Name = NAME.parse()?;
        let subnet = SubnetRequest {
            name: name.clone(),
            cidr: args.cidr,
            dns: Vec::new(),
            gateway: GatewayMode::Host,
            gateway_name: None,
            gateway_ssh_port: 22,
            gateway_machine: MachineRequest::default(),
            failover: false,
        };
        let network = CreateNetwork {
            name,
            cidr: args.cidr,
            subnet: Some(subnet),
            labels: Labels::default(),
            keep_on_failure: false,
        };
        self.site.run(self.tenancy, &network).await?;
        let names: Vec<String> = self.on.places.iter().map(|place| place.host.clone()).collect();
        self.hosts(&names, &args.sizing, Some(system.to_owned())).await?;
        if let Some(other) = &args.with {
            let with = format!("{NAME}-with");
            self.hosts(std::slice::from_ref(&with), "", None).await?;
            self.add(
                other,
                &TargetSpec { places: vec![Place { host: with.clone(), roles: Vec::new() }] },
                &[],
            )
            .await?;
            let address = self.tenancy.host(&with).await?.private_address.unwrap_or_default();
            for given in &mut self.given {
                given.value = given.value.replace("{with}", &address);
            }
        }
        self.note("hosts", started, Ok(format!("{} fresh ones", names.len())));
        Ok(())
    }

    async fn hosts(&self, names: &[String], sizing: &str, image: Option<String>) -> Result<(), Error> {
        let change = CreateHosts {
            names: names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
            network: Some(NAME.to_owned()),
            subnets: Vec::new(),
            single: false,
            public: false,
            domain: None,
            machine: MachineRequest { sizing: sizing.to_owned(), image, zone: None },
            labels: Labels::default(),
            keep_on_failure: false,
        };
        self.site.run(self.tenancy, &change).await
    }

    async fn delete(&self) -> Result<(), Error> {
        let networks = self.tenancy.networks(false).await?;
        if !networks.iter().any(|network| network.name == NAME) {
            return Ok(());
        }
        let hosts = self.tenancy.hosts(false).await?;
        let ours =
            hosts.into_iter().map(|host| host.name).filter(|name| name.starts_with(&format!("{NAME}-")));
        let references: Vec<String> = ours.collect();
        if !references.is_empty() {
            self.site.run(self.tenancy, &DeleteHosts { references, force: true }).await?;
        }
        let change = DeleteNetworks { references: vec![NAME.to_owned()], force: true };
        self.site.run(self.tenancy, &change).await
    }

    /// Step after step; the first that fails is the last, but for what is taken away.
    async fn all(&mut self, args: &Test) -> Result<(), Error> {
        let clean = self.traces().await?;
        let hosts = self.on.places.len();
        let _ = args;
        self.check("check before", 0).await;
        let started = Instant::now();
        let added = self.add(&self.feature.clone(), &self.on.clone(), &self.given.clone()).await;
        let is_added = added.is_ok();
        self.note("add", started, said(added));
        if !is_added {
            return Ok(());
        }
        self.check("check", hosts).await;
        let started = Instant::now();
        let again = self.add(&self.feature.clone(), &self.on.clone(), &self.given.clone()).await;
        let again = match again {
            Ok(runs) => match runs.iter().flat_map(|run| run.changed.clone()).collect::<Vec<_>>() {
                changed if changed.is_empty() => Ok("it changed nothing".to_owned()),
                changed => Err(format!("it changed something: {}", changed.join(", "))),
            },
            Err(error) => Err(error.to_string()),
        };
        self.note("add again", started, again);
        let started = Instant::now();
        let removed = self.remove().await;
        self.note("remove", started, said(removed));
        self.check("check after", 0).await;
        let started = Instant::now();
        let left = self.traces().await?;
        let left = differences(&clean, &left);
        let note = match left.is_empty() {
            true => Ok("nothing that matters is left".to_owned()),
            false => Err(format!("it is not as before: {}", left.join("; "))),
        };
        self.note("traces", started, note);
        Ok(())
    }

    /// A feature, and what it needs first.
    async fn add(&self, feature: &str, on: &TargetSpec, given: &[Given]) -> Result<Vec<RunRecord>, Error> {
        let mut runs = Vec::new();
        for change in self.tenancy.feature_changes(feature, Action::Add, Some(on), given).await? {
            runs.push(self.one(&change).await?);
        }
        Ok(runs)
    }

    /// It, and what came only for it.
    async fn remove(&self) -> Result<Vec<RunRecord>, Error> {
        let mut runs = vec![self.one(&self.change(Action::Remove)).await?];
        loop {
            let found = self.tenancy.installations().await?;
            let ours = |name: &str| self.on.places.iter().any(|place| place.host == name);
            // What was added last is needed by nobody any more.
            let latest = found
                .iter()
                .filter(|one| {
                    one.value.added_for.is_some() && one.value.hosts.iter().all(|part| ours(&part.name))
                })
                .max_by_key(|one| one.value.installed_unix_ms);
            let Some(latest) = latest else { return Ok(runs) };
            let change = RunFeature {
                feature: latest.value.feature.clone(),
                on: Some(latest.value.spec()),
                ..self.change(Action::Remove)
            };
            runs.push(self.one(&RunFeature { given: Vec::new(), ..change }).await?);
        }
    }

    async fn check(&mut self, name: &'static str, wanted: usize) {
        let started = Instant::now();
        let note = match self.one(&self.change(Action::Check)).await {
            Ok(run) => {
                let (with, all) = (run.hosts_with_feature.len(), self.on.places.len());
                let text = format!("{with} of {all} hosts have it");
                if with == wanted { Ok(text) } else { Err(text) }
            }
            Err(error) => Err(error.to_string()),
        };
        self.note(name, started, note);
    }

    fn change(&self, action: Action) -> RunFeature {
        RunFeature {
            feature: self.feature.clone(),
            action,
            on: Some(self.on.clone()),
            given: self.given.clone(),
            added_for: None,
            reviewed: None,
            keep_on_failure: false,
        }
    }

    async fn one(&self, change: &RunFeature) -> Result<RunRecord, Error> {
        super::run::run_one(self.tenancy, change, self.site).await
    }

    async fn traces(&self) -> Result<Vec<BTreeSet<String>>, Error> {
        let mut all = Vec::new();
        for place in &self.on.places {
            let connection = self.tenancy.connect(&self.client, &place.host).await?;
            let command = Command::arguments(["sh", "-c", TRACES])
                .sudo()
                .timeout(Duration::from_secs(120))
                .keep(skywright_ssh::KeepLimit { head_bytes: 4 << 20, tail_bytes: 0 });
            let text = connection.run(command).await?.output.stdout.to_text();
            all.push(text.lines().map(str::to_owned).collect());
        }
        Ok(all)
    }

    fn note(&mut self, name: &'static str, started: Instant, note: Result<String, String>) {
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (passed, note) = match note {
            Ok(note) => (true, note),
            Err(note) => (false, note),
        };
        let word = if passed { "passed" } else { "failed" };
        self.site.printer.progress(&format!("{name}: {word}, {note}"));
        self.steps.push(Step { name, passed, note, elapsed_ms });
    }
}

fn said(runs: Result<Vec<RunRecord>, Error>) -> Result<String, String> {
    match runs {
        Ok(runs) => Ok(runs
            .iter()
            .map(|run| format!("{}: {}", run.feature, run.summary))
            .collect::<Vec<_>>()
            .join("; ")),
        Err(error) => Err(error.to_string()),
    }
}

/// What came and what went, some of each.
fn differences(before: &[BTreeSet<String>], after: &[BTreeSet<String>]) -> Vec<String> {
    const MOST: usize = 20;
    let mut found = Vec::new();
    for (before, after) in before.iter().zip(after) {
        found.extend(after.difference(before).map(|line| format!("+ {line}")));
        found.extend(before.difference(after).map(|line| format!("- {line}")));
    }
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match (self.tried, self.passed) {
            (false, _) => "not tried",
            (true, true) => "passed",
            (true, false) => "failed",
        };
        writeln!(f, "{}: {word}", self.system)?;
        for step in &self.steps {
            let word = if step.passed { "passed" } else { "failed" };
            let note = skywright_runtime::printable(&step.note);
            writeln!(f, "  {:<13} {word}  {:>6.1} s  {note}", step.name, step.elapsed_ms as f64 / 1000.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_what_went_is_told() {
        let set = |lines: &[&str]| vec![lines.iter().map(|line| (*line).to_owned()).collect::<BTreeSet<_>>()];
        let found = differences(&set(&["file /a", "file /b"]), &set(&["file /b", "unit c"]));
        assert_eq!(found, ["+ unit c", "- file /a"]);
        assert!(differences(&set(&["x"]), &set(&["x"])).is_empty());
    }
}
