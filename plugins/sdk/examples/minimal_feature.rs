//! A package that is installed on every host of the target.

use skywright_sdk::prelude::*;
use skywright_sdk::recipe::{
    Action, Conclusion, Failure, FeatureInfo, OsSupport, Plan, Request, Step, Suitability, SystemPackage,
    Work,
};

struct Hello;

skywright_sdk::feature!(Hello);

impl Recipe for Hello {
    fn describe() -> FeatureInfo {
        FeatureInfo {
            name: "hello".to_owned(),
            title: "GNU hello".to_owned(),
            version: "0.1.0".to_owned(),
            description: "Says hello".to_owned(),
            suitable_for: vec![Suitability::Host, Suitability::Cluster],
            requires: Vec::new(),
            conflicts: Vec::new(),
            parameters: Vec::new(),
            os: vec![OsSupport { family: "debian".to_owned(), versions: Vec::new() }],
            layouts: Vec::new(),
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
            return Ok(Plan::Done(Conclusion { hosts_with_feature, summary, endpoints: Vec::new() }));
        }
        let package = SystemPackage { name: "hello".to_owned(), version: None, present };
        Ok(Plan::Round(vec![Step {
            id: "package".to_owned(),
            title: "the package".to_owned(),
            hosts,
            work: Work::Packages(vec![package]),
            needs: Vec::new(),
            one_at_a_time: false,
            timeout_ms: 300_000,
            tries: 2,
            undo: None,
            on_failure: Failure::Stop,
            outputs: Vec::new(),
        }]))
    }
}
