//! How long a plan for many hosts takes: the recipe of Kubernetes for 3 masters and 100 nodes, in the sandbox, to its
//! last round, as if every step had succeeded.

use std::path::Path;
use std::time::Instant;

use skywright_core::feature::{Feature as _, PluginFeature};
use skywright_recipe_format::plan::{
    Action, Argument, ArgumentValue, FeatureInfo, HostView, Plan, Request, Target,
};
use skywright_runtime::Engine;

use crate::Outcome;
use crate::inside::engine;
use crate::report::Report;

const MASTERS: usize = 3;
const NODES: usize = 100;
const ROUNDS: usize = 7;
/// More than any recipe asks for: what goes on for longer has no end.
const MOST_ROUNDS: u32 = 64;

pub(crate) async fn measure(plugins: &Path, report: &mut Report) -> Outcome<()> {
    let engine: Engine = engine()?;
    let bytes = std::fs::read(plugins.join("kubernetes.wasm"))?;
    let feature = PluginFeature::new(engine.load(&bytes).await?).await?;
    let (mut times, mut steps, mut rounds) = (Vec::new(), 0, 0);
    for _ in 0..ROUNDS {
        let mut request = request(feature.info());
        let findings = feature.validate(&request).await?;
        if !findings.is_empty() {
            return Err(format!("the recipe refuses the target: {findings:?}").into());
        }
        let start = Instant::now();
        (steps, rounds) = (0, 0);
        loop {
            if request.round > MOST_ROUNDS {
                return Err("the plan has no end".into());
            }
            match feature.next(&request).await? {
                Plan::Round(round) => {
                    steps += round
                        .iter()
                        .flat_map(|step| &step.assignments)
                        .map(|one| one.hosts.len())
                        .sum::<usize>();
                    rounds += 1;
                    request.suppose_done(&round, |name| format!("«{name}»"));
                }
                Plan::Done(_) => break,
            }
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e3;
    let parts = format!(
        "kubernetes on {MASTERS} masters and {NODES} nodes: {steps} steps of a host in {rounds} rounds"
    );
    report.add("plan for 103 hosts", median, "ms", Some(200.0), parts);
    Ok(())
}

fn request(info: &FeatureInfo) -> Request {
    let host = |number: usize| HostView {
        id: format!("id-{number}"),
        name: format!("host-{number}"),
        roles: vec![if number < MASTERS { "master" } else { "node" }.to_owned()],
        private_address: format!("10.0.0.{}", number + 10),
        user: "operator".to_owned(),
        os_family: "debian".to_owned(),
        os_distribution: "debian".to_owned(),
        os_version: "12".to_owned(),
        os_codename: Some("bookworm".to_owned()),
        architecture: "x86_64".to_owned(),
        vcpus: 4,
        memory_mib: 8192,
        ..HostView::default()
    };
    let target = Target {
        name: "large".to_owned(),
        cidr: Some("10.0.0.0/24".to_owned()),
        virtual_ip: Some("10.0.0.5".to_owned()),
        endpoint: Some("10.0.0.5".to_owned()),
        admin_user: Some("operator".to_owned()),
        hosts: (0..MASTERS + NODES).map(host).collect(),
        ..Target::default()
    };
    let text = |value: &str| ArgumentValue::Text(value.to_owned());
    let given = [
        ("version", text("1.34.2")),
        ("package_key", ArgumentValue::Secret),
        ("control_plane_endpoint", text("10.0.0.5:6443")),
    ];
    let mut parameters: Vec<_> = given.map(|(name, value)| Argument { name: name.to_owned(), value }).into();
    // As the host fills them in.
    for known in &info.parameters {
        let is_given = parameters.iter().any(|one| one.name == known.name);
        let value = match (known.many, known.default.as_slice()) {
            (_, []) => continue,
            (true, many) => ArgumentValue::Texts(many.to_vec()),
            (false, [one, ..]) => ArgumentValue::Text(one.clone()),
        };
        if !is_given {
            parameters.push(Argument { name: known.name.clone(), value });
        }
    }
    Request { action: Action::Add, target, parameters, round: 0, results: Vec::new() }
}
