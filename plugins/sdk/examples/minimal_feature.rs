//! A package that is installed on every host of the target.

use skywright_sdk::prelude::*;
use skywright_sdk::recipe::{
    Action, Assignment, Conclusion, Failure, FeatureInfo, Idempotence, PackageSet, Plan, Platform, Request,
    Step, Suitability, SystemPackage, Work,
};

struct Hello;

skywright_sdk::feature!(Hello);

impl Recipe for Hello {
    fn describe() -> FeatureInfo {
        FeatureInfo {
            name: "hello".to_owned(),
            version: "0.1.0".to_owned(),
            title: "GNU hello".to_owned(),
            description: "Says hello".to_owned(),
            suitable_for: vec![Suitability::Host, Suitability::Cluster],
            cluster_flavors: Vec::new(),
            platforms: vec![Platform {
                family: "debian".to_owned(),
                distribution: None,
                versions: Vec::new(),
                architectures: Vec::new(),
            }],
            requires: Vec::new(),
            conflicts: Vec::new(),
            roles: Vec::new(),
            layouts: Vec::new(),
            parameters: Vec::new(),
            outputs: Vec::new(),
            idempotence: Idempotence::Converges,
            actions: vec![Action::Add, Action::Remove, Action::Upgrade],
        }
    }

    fn validate(_request: Request) -> Vec<Diagnostic> {
        Vec::new()
    }

    fn next(request: Request) -> Result<Plan, Error> {
        let hosts: Vec<String> = request.target.hosts.iter().map(|host| host.id.clone()).collect();
        let present = match request.action {
            Action::Add | Action::Upgrade => true,
            Action::Remove => false,
            Action::Check => return Err(Error::unsupported("check", "this recipe cannot check yet")),
        };
        if request.round > 0 {
            let hosts_with_feature = if present { hosts } else { Vec::new() };
            let summary = if present { "installed" } else { "removed" }.to_owned();
            let (outputs, endpoints) = (Vec::new(), Vec::new());
            return Ok(Plan::Done(Conclusion { hosts_with_feature, summary, outputs, endpoints }));
        }
        let package = SystemPackage { name: "hello".to_owned(), version: None, present };
        let work = Work::Packages(PackageSet { sources: Vec::new(), packages: vec![package] });
        Ok(Plan::Round(vec![Step {
            id: "package".to_owned(),
            title: "the package".to_owned(),
            assignments: vec![Assignment { hosts, work, undo: None }],
            needs: Vec::new(),
            at_once: None,
            timeout_ms: 300_000,
            tries: 2,
            retry_after_ms: 5_000,
            on_failure: Failure::Undo,
            when_changed: Vec::new(),
            outputs: Vec::new(),
        }]))
    }
}
