//! The conformance suite against the OpenStack provider on a real control plane, and from a recording of it.
//!
//! As `openstack`, these need `cargo xtask rig openstack up`, which `cargo xtask test` does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use skywright_conformance::{
    CheckReport, Identity, Launch, LaunchError, Launched, Listener, Meter, Options, Outcome, Recording,
    Replay, Report, RunName, Script, Subject, run,
};
use skywright_core::{Grants, Home, Host, SecretSource, Tenant};
use skywright_egress::BoxFuture;
use skywright_runtime::{Allocation, ArtefactCache, Clock, Compiler, EngineOptions, Limits};
use tokio_util::sync::CancellationToken;

use crate::guest::unsigned;

const PLUGIN: &str = "skywright/openstack";

/// The provider as a new process would start it, each time.
struct Rig {
    access: Value,
    plugins: PathBuf,
    folder: tempfile::TempDir,
    clock: Option<Arc<dyn Clock>>,
}

/// The rig that `cargo xtask test` started.
fn rig() -> Option<Rig> {
    let Some(access) = std::env::var_os("SKYWRIGHT_RIG_OPENSTACK") else {
        println!("skipped: no control plane; `cargo xtask test --only plugins,e2e` starts one");
        return None;
    };
    let access = serde_json::from_str(&std::fs::read_to_string(access).unwrap()).unwrap();
    let plugins = PathBuf::from(std::env::var_os("SKYWRIGHT_PLUGINS").unwrap());
    Some(Rig { access, plugins, folder: tempfile::tempdir().unwrap(), clock: None })
}

impl Rig {
    fn text(&self, key: &str) -> &str {
        self.access[key].as_str().unwrap()
    }

    fn host(&self) -> Host {
        let cache = ArtefactCache::open(self.folder.path().join("artefacts")).unwrap();
        let engine = EngineOptions {
            limits: Limits::default(),
            allocation: Allocation::OnDemand,
            compiler: Compiler::InProcess,
            cache: Some(cache),
            core_dumps: false,
        };
        let home = Home::below(self.folder.path());
        Host::new(unsigned(home, vec![self.plugins.clone()], engine)).unwrap()
    }

    fn settings(&self) -> Vec<(String, String)> {
        let own = [
            ("auth-url", self.text("auth_url")),
            ("region", self.text("region")),
            ("user", self.text("username")),
            ("project-name", self.text("project")),
        ];
        own.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    fn tenant(&self, changed: &[(String, String)]) -> Tenant {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join("password");
        std::fs::write(&path, self.text("password")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let settings = self.settings().into_iter().chain(changed.iter().cloned());
        Tenant {
            settings: settings.map(|(key, value)| (key, value.as_str().into())).collect(),
            secrets: [("password".to_owned(), SecretSource::File(path))].into(),
            grants: Grants { plaintext_credentials: true, ..Grants::default() },
            ..Tenant::default()
        }
    }

    fn options(&self, only: &[&str]) -> Options {
        let mut settings = self.settings();
        settings.push(("password".to_owned(), String::new()));
        Options {
            only: only.iter().map(|family| (*family).to_owned()).collect(),
            region: Some(self.text("region").to_owned()),
            settings,
            ..Options::new(RunName::fresh())
        }
    }
}

impl Subject for Rig {
    fn identity(&self) -> Identity {
        Identity { id: PLUGIN.to_owned(), version: "0.1.0".to_owned() }
    }

    fn launch(&self, launch: Launch) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        Box::pin(async move {
            let host = self.host();
            let plugin = host.load(PLUGIN).await.unwrap();
            let tenant = self.tenant(&launch.settings);
            let (session, _) =
                host.session(&plugin, &tenant, Path::new("/"), Some(launch.meter)).await.unwrap();
            let session = match &self.clock {
                Some(clock) => Arc::new(Arc::into_inner(session).unwrap().with_clock(clock.clone())),
                None => session,
            };
            Ok(Launched::plugin(&plugin, &session).await?)
        })
    }
}

/// Shows what did not pass while a run goes on: it takes minutes.
struct Shown;

impl Listener for Shown {
    fn end(&self, report: &CheckReport) {
        let CheckReport { family, name, outcome, reason, time_ms, requests, .. } = report;
        if matches!(outcome, Outcome::Passed) {
            return;
        }
        let reason = reason.as_deref().unwrap_or_default();
        println!("{:8} {family}/{name} {time_ms} ms {requests} requests {reason}", outcome.as_str());
    }
}

async fn suite(subject: Arc<dyn Subject>, options: Options, meter: Arc<Meter>) -> Report {
    run(subject, options, meter, &Shown, &CancellationToken::new()).await.unwrap()
}

fn wrong(report: &Report) -> Vec<String> {
    let wrong = report.checks.iter().filter(|c| matches!(c.outcome, Outcome::Failed | Outcome::Blocked));
    wrong.map(|c| format!("{}/{}: {}", c.family, c.name, c.reason.as_deref().unwrap_or_default())).collect()
}

/// `SKYWRIGHT_CONFORMANCE_ONLY` names families, separated by commas, for who works on one.
#[tokio::test]
async fn openstack_keeps_the_whole_contract() {
    let Some(rig) = rig() else { return };
    let only = std::env::var("SKYWRIGHT_CONFORMANCE_ONLY").unwrap_or_default();
    let only: Vec<_> = only.split(',').filter(|family| !family.is_empty()).collect();
    let options = rig.options(&only);
    let report = suite(Arc::new(rig), options, Arc::new(Meter::new())).await;
    assert!(report.is_conforming(), "{:#?}", wrong(&report));
}

/// Recorded once, run again without cloud, tenant or secret: the same checks, the same requests.
#[tokio::test]
async fn a_recorded_run_replays() {
    let Some(mut rig) = rig() else { return };
    let file = rig.folder.path().join("suite.jsonl");
    let options = rig.options(&["driver", "catalog", "keypairs", "networks", "subnets"]);
    // Those with a default are recorded as well: whoever replays has no tenant to fill them in.
    let info = rig.host().load(PLUGIN).await.unwrap().describe_provider().await.unwrap();
    let settings = rig.tenant(&[]).checked_settings(&info).unwrap();
    let script = Script {
        plugin: rig.identity(),
        run: options.name.clone(),
        started_s: 1_800_000_000,
        settings,
        credentials: vec!["password".to_owned()],
        only: options.only.clone(),
        machine: options.machine.clone(),
        region: options.region.clone(),
    };
    let recording = Recording::begin(&file, &script).unwrap();
    rig.clock = Some(recording.clock());
    let (rig, meter) = (Arc::new(rig), recording.meter());
    let live = suite(rig.clone(), options, meter).await;
    recording.finish().unwrap();

    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(rig.text("password")), "the password is in the recording");
    let plugin = rig.host().load(PLUGIN).await.unwrap();
    let replay = Arc::new(Replay::read(&file, plugin).unwrap());
    let again = suite(replay.clone(), replay.script().options(), Arc::new(Meter::new())).await;
    assert_eq!(replay.difference().map(|d| d.to_string()), None);
    assert_eq!((replay.left(), again.requests), (None, live.requests));
    let outcomes = |report: &Report| {
        report.checks.iter().map(|c| (c.family, c.name, c.outcome, c.requests)).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&again), outcomes(&live));
}
