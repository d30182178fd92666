//! What a round may be. Whoever wrote a feature, and whatever made its component: nothing of a round is run
//! before all of it was held against the contract's bounds.

use std::collections::{BTreeMap, BTreeSet};

use skywright_recipe_format::limits::{
    FILE_BYTES, OUTPUTS, ROUND_BYTES, SCRIPT_BYTES, STEPS, STEPS_PER_ROUND, TEXT_CHARACTERS, TIMEOUT_S, TRIES,
};
use skywright_recipe_format::plan::{
    Assignment, Conclusion, FeatureInfo, File, FirewallRule, OutputRef, PackageSet, Probe, PublishedService,
    Request, Script, Service, Step, Value, Wait, Work,
};
use skywright_recipe_format::{ParameterKind, is_environment_name, is_name};

use super::fault::{Fault, shown};

/// What is known of an action so far.
pub(super) struct Bounds<'a> {
    feature: &'a str,
    secrets: BTreeSet<&'a str>,
    secret_outputs: BTreeSet<&'a str>,
    known_outputs: BTreeSet<&'a str>,
    hosts: BTreeSet<&'a str>,
    /// Steps of all rounds so far, with their outputs.
    steps: BTreeMap<String, BTreeMap<String, bool>>,
}

type Broken = String;

impl<'a> Bounds<'a> {
    pub(super) fn new(feature: &'a str, info: &'a FeatureInfo, request: &'a Request) -> Self {
        let secret = |kind| kind == ParameterKind::Secret;
        Self {
            feature,
            secrets: info
                .parameters
                .iter()
                .filter(|own| secret(own.kind))
                .map(|own| own.name.as_str())
                .collect(),
            secret_outputs: info
                .outputs
                .iter()
                .filter(|own| own.secret)
                .map(|own| own.name.as_str())
                .collect(),
            known_outputs: info.outputs.iter().map(|own| own.name.as_str()).collect(),
            hosts: request.target.hosts.iter().map(|host| host.id.as_str()).collect(),
            steps: BTreeMap::new(),
        }
    }

    /// Takes a round in, or says which bound it breaks.
    pub(super) fn admit(&mut self, steps: &[Step]) -> Result<(), Fault> {
        self.round(steps).map_err(|reason| Fault::Bounds { feature: self.feature.to_owned(), reason })
    }

    /// The same for how it ended.
    pub(super) fn admit_end(&self, conclusion: &Conclusion) -> Result<(), Fault> {
        self.end(conclusion).map_err(|reason| Fault::Bounds { feature: self.feature.to_owned(), reason })
    }

    fn round(&mut self, steps: &[Step]) -> Result<(), Broken> {
        hold(!steps.is_empty(), || "a round without steps would be asked for again without end".to_owned())?;
        hold(steps.len() <= STEPS_PER_ROUND, || format!("{} steps in a round", steps.len()))?;
        hold(self.steps.len() + steps.len() <= STEPS, || format!("more than {STEPS} steps"))?;
        for step in steps {
            let outputs = step.outputs.iter().map(|output| (output.name.clone(), output.secret)).collect();
            hold(is_name(&step.id), || format!("`{}` is no id of a step", shown(&step.id)))?;
            hold(self.steps.insert(step.id.clone(), outputs).is_none(), || {
                format!("two steps are called `{}`", step.id)
            })?;
        }
        let mut bytes = 0;
        for step in steps {
            bytes += self.step(step).map_err(|broken| format!("step `{}`: {broken}", step.id))?;
        }
        hold(bytes <= ROUND_BYTES, || format!("{bytes} bytes of text in a round"))?;
        acyclic(steps)
    }

    /// Gives the bytes of its texts.
    fn step(&self, step: &Step) -> Result<usize, Broken> {
        line("its title", &step.title)?;
        hold(step.outputs.len() <= OUTPUTS, || format!("{} outputs", step.outputs.len()))?;
        for output in &step.outputs {
            hold(is_name(&output.name), || format!("`{}` is no name of an output", shown(&output.name)))?;
        }
        let limit = u64::from(TIMEOUT_S) * 1000;
        let range = 1..=limit;
        hold(range.contains(&u64::from(step.timeout_ms)), || format!("a timeout of {} ms", step.timeout_ms))?;
        hold(u64::from(step.retry_after_ms) <= limit, || "a pause of more than a day".to_owned())?;
        hold((1..=TRIES).contains(&step.tries), || format!("{} tries", step.tries))?;
        hold(step.at_once != Some(0), || "on no host at once".to_owned())?;
        for other in step.needs.iter().chain(&step.when_changed) {
            hold(self.steps.contains_key(other) && *other != step.id, || {
                format!("it waits for `{}`, which is no step", shown(other))
            })?;
        }
        let mut assigned = BTreeSet::new();
        let mut bytes = step.title.len();
        for assignment in &step.assignments {
            for host in &assignment.hosts {
                hold(self.hosts.contains(host.as_str()), || {
                    format!("it is for `{}`, which is no host of the target", shown(host))
                })?;
                hold(assigned.insert(host), || format!("it has work for {host} twice"))?;
            }
            bytes += self.assignment(assignment)?;
        }
        Ok(bytes)
    }

    fn assignment(&self, assignment: &Assignment) -> Result<usize, Broken> {
        let undo = assignment.undo.as_ref().map(|work| self.work(work)).transpose()?;
        Ok(self.work(&assignment.work)? + undo.unwrap_or(0))
    }

    fn work(&self, work: &Work) -> Result<usize, Broken> {
        match work {
            Work::Script(script) => self.script(script),
            Work::File(file) => self.file(file),
            Work::Packages(set) => packages(set),
            Work::Service(service) => self::service(service),
            Work::Firewall(rule) => firewall(rule),
            Work::Publish(service) => publish(service),
            Work::Wait(wait) => self::wait(wait),
            Work::Reboot => Ok(0),
        }
    }

    fn script(&self, script: &Script) -> Result<usize, Broken> {
        hold(script.text.len() <= SCRIPT_BYTES, || format!("a script of {} bytes", script.text.len()))?;
        hold(!script.text.contains('\0'), || "a NUL in a script".to_owned())?;
        line("its interpreter", &script.interpreter)?;
        hold(script.interpreter.starts_with('/'), || "an interpreter without its path".to_owned())?;
        if let Some(user) = &script.as_user {
            account(user)?;
        }
        if let Some(path) = &script.creates {
            self::path(path)?;
        }
        for condition in script.unless.iter() {
            text("`unless`", condition)?;
        }
        let mut bytes = script.text.len();
        for binding in &script.environment {
            hold(is_environment_name(&binding.name), || {
                format!("`{}` is no variable that a script may have", shown(&binding.name))
            })?;
            if let Value::Plain(value) = &binding.value {
                text("a variable", value)?;
            }
            bytes += self.value(&binding.value)?;
        }
        Ok(bytes)
    }

    fn file(&self, file: &File) -> Result<usize, Broken> {
        path(&file.path)?;
        account(&file.owner)?;
        account(&file.group)?;
        hold(file.mode <= 0o7777, || "permissions beyond 7777".to_owned())?;
        if let Value::Plain(content) = &file.content {
            hold(content.len() <= FILE_BYTES, || format!("a file of {} bytes", content.len()))?;
        }
        let is_secret = match &file.content {
            Value::Plain(_) => false,
            Value::SecretParameter(_) => true,
            Value::Output(output) => self.is_secret(output),
        };
        hold(!is_secret || file.mode & 0o007 == 0, || {
            format!("{} holds a secret, and everybody may open it", file.path)
        })?;
        self.value(&file.content)
    }

    fn value(&self, value: &Value) -> Result<usize, Broken> {
        match value {
            Value::Plain(text) => {
                hold(!text.contains('\0'), || "a NUL in a value".to_owned())?;
                return Ok(text.len());
            }
            Value::SecretParameter(name) => {
                hold(self.secrets.contains(name.as_str()), || {
                    format!("there is no secret `{}`", shown(name))
                })?;
            }
            Value::Output(output) => {
                let known = self.steps.get(&output.step).is_some_and(|own| own.contains_key(&output.output));
                hold(known && self.hosts.contains(output.host.as_str()), || {
                    format!("there is no output {}.{}", shown(&output.step), shown(&output.output))
                })?;
            }
        }
        Ok(0)
    }

    fn is_secret(&self, output: &OutputRef) -> bool {
        self.steps.get(&output.step).and_then(|own| own.get(&output.output)).copied().unwrap_or(true)
    }

    fn end(&self, conclusion: &Conclusion) -> Result<(), Broken> {
        for host in &conclusion.hosts_with_feature {
            hold(self.hosts.contains(host.as_str()), || {
                format!("`{}` is no host of the target", shown(host))
            })?;
        }
        for output in &conclusion.outputs {
            hold(self.known_outputs.contains(output.name.as_str()), || {
                format!("it gives the output `{}`, which it does not declare", shown(&output.name))
            })?;
            self.value(&output.value)?;
            let is_secret = match &output.value {
                Value::Plain(_) => false,
                Value::SecretParameter(_) => true,
                Value::Output(output) => self.is_secret(output),
            };
            hold(!is_secret || self.secret_outputs.contains(output.name.as_str()), || {
                format!("the output `{}` is a secret, and it says that it is none", output.name)
            })?;
        }
        hold(conclusion.endpoints.len() <= OUTPUTS, || "too many endpoints".to_owned())
    }
}

fn hold(is: bool, broken: impl FnOnce() -> Broken) -> Result<(), Broken> {
    if is { Ok(()) } else { Err(broken()) }
}

/// Steps that wait for each other would never begin.
fn acyclic(steps: &[Step]) -> Result<(), Broken> {
    let own: BTreeSet<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&Step> = steps.iter().collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|step| {
            let mut first = step.needs.iter().chain(&step.when_changed).map(String::as_str);
            let is_ready = first.all(|id| done.contains(id) || !own.contains(id));
            if is_ready {
                done.insert(&step.id);
            }
            !is_ready
        });
        if open.len() == before {
            let ids: Vec<_> = open.iter().take(8).map(|step| step.id.as_str()).collect();
            return Err(format!("these steps wait for each other: {}", ids.join(", ")));
        }
    }
    Ok(())
}

fn packages(set: &PackageSet) -> Result<usize, Broken> {
    let mut bytes = 0;
    for source in &set.sources {
        hold(is_name(&source.name), || format!("`{}` is no name of a source", shown(&source.name)))?;
        hold(matches!(source.kind.as_str(), "apt" | "dnf"), || "a source of an unknown kind".to_owned())?;
        let known = ["https://", "http://", "file:///"].iter().any(|scheme| source.uri.starts_with(scheme));
        hold(known && is_word(&source.uri), || format!("`{}` is no place of packages", shown(&source.uri)))?;
        for word in source.suites.iter().chain(&source.components) {
            hold(is_word(word), || format!("`{}` is no suite or component", shown(word)))?;
        }
        let key = source.key.as_deref().unwrap_or_default();
        hold(key.len() <= SCRIPT_BYTES && !key.contains('\0'), || "a key that is too large".to_owned())?;
        bytes += key.len() + source.uri.len();
    }
    for package in &set.packages {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | ':');
        let is_package = package.name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && package.name.len() <= 128
            && package.name.chars().all(plain);
        hold(is_package, || format!("`{}` is no name of a package", shown(&package.name)))?;
        if let Some(version) = &package.version {
            let plain = |c: char| {
                c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | ':' | '~' | '*' | '^')
            };
            let is_version = !version.is_empty()
                && version.len() <= 128
                && !version.starts_with('-')
                && version.chars().all(plain);
            hold(is_version, || format!("`{}` is no version", shown(version)))?;
        }
        bytes += package.name.len();
    }
    Ok(bytes)
}

fn service(service: &Service) -> Result<usize, Broken> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':');
    let name = &service.name;
    let is_unit =
        !name.is_empty() && name.len() <= 128 && !name.starts_with(['-', '.']) && name.chars().all(plain);
    hold(is_unit, || format!("`{}` is no name of a service", shown(name)))?;
    Ok(name.len())
}

fn firewall(rule: &FirewallRule) -> Result<usize, Broken> {
    hold(is_name(&rule.name), || format!("`{}` is no name of a rule", shown(&rule.name)))?;
    hold(!rule.ports.is_empty() && rule.ports.len() <= 64, || "no ports, or more than 64 ranges".to_owned())?;
    for range in &rule.ports {
        hold(range.first != 0 && range.first <= range.last, || {
            format!("{}-{} are no ports", range.first, range.last)
        })?;
    }
    for source in &rule.sources {
        hold(source.parse::<ipnet::IpNet>().is_ok(), || format!("`{}` is no network", shown(source)))?;
    }
    Ok(rule.name.len())
}

fn publish(service: &PublishedService) -> Result<usize, Broken> {
    hold(is_name(&service.name), || format!("`{}` is no name of a route", shown(&service.name)))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '~');
    let is_path = service.path.starts_with('/')
        && service.path.len() <= 1024
        && service.path.chars().all(plain)
        && !service.path.split('/').any(|part| part == "..");
    hold(is_path, || format!("`{}` is no path of a route", shown(&service.path)))?;
    if let Some(name) = &service.host_name {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let is_host = !name.is_empty() && name.len() <= 253 && name.chars().all(plain);
        hold(is_host, || format!("`{}` is no host name", shown(name)))?;
    }
    hold(!service.present || !service.upstreams.is_empty(), || "a route that leads nowhere".to_owned())?;
    for upstream in &service.upstreams {
        hold(is_upstream(upstream), || format!("`{}` is no upstream", shown(upstream)))?;
    }
    for network in service.allowed_from.iter().chain(&service.denied_from) {
        hold(network.parse::<ipnet::IpNet>().is_ok(), || format!("`{}` is no network", shown(network)))?;
    }
    Ok(service.path.len())
}

/// `http://address:port` or `https://address:port`, and nothing behind it.
fn is_upstream(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        let port = rest.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        rest.len() <= 260 && rest.chars().all(plain) && port.is_some_and(|port| port != 0)
    })
}

fn wait(wait: &Wait) -> Result<usize, Broken> {
    let limit = u64::from(TIMEOUT_S) * 1000;
    hold((1..=limit).contains(&u64::from(wait.at_most_ms)), || {
        format!("waiting for {} ms", wait.at_most_ms)
    })?;
    hold((1..=limit).contains(&u64::from(wait.every_ms)), || format!("a look every {} ms", wait.every_ms))?;
    match &wait.probe {
        Probe::Tcp(port) => hold(*port != 0, || "port 0".to_owned())?,
        Probe::Http(url) => {
            let known = url.starts_with("http://") || url.starts_with("https://");
            hold(known && is_word(url), || format!("`{}` is no URL", shown(url)))?;
        }
        Probe::Command(command) => text("a command", command)?,
    }
    Ok(0)
}

/// One word, as it stands in files of the host.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 2048
        && !text.starts_with('-')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | '\\'))
}

fn path(text: &str) -> Result<(), Broken> {
    let is_path = text.starts_with('/')
        && text.len() <= TEXT_CHARACTERS
        && !text.chars().any(char::is_control)
        && !text.split('/').any(|part| part == "..")
        && text.trim_end_matches('/').len() > 1;
    hold(is_path, || format!("`{}` is no absolute path without `..`", shown(text)))?;
    let ours = ["/run/skywright-features", "/var/lib/skywright"];
    hold(!ours.iter().any(|own| text.starts_with(own)), || format!("`{}` is Skywright's own", shown(text)))
}

fn account(text: &str) -> Result<(), Broken> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_account =
        !text.is_empty() && text.len() <= 32 && !text.starts_with(['-', '.']) && text.chars().all(plain);
    hold(is_account, || format!("`{}` is no name of an account", shown(text)))
}

fn text(what: &str, own: &str) -> Result<(), Broken> {
    hold(own.len() <= SCRIPT_BYTES && !own.contains('\0'), || format!("{what} is too long, or holds a NUL"))
}

fn line(what: &str, own: &str) -> Result<(), Broken> {
    hold(own.len() <= TEXT_CHARACTERS && !own.chars().any(char::is_control), || {
        format!("{what} is too long, or no line")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn info() -> FeatureInfo {
        serde_json::from_value(json!({
            "name": "stack", "version": "1.0.0", "title": "", "description": "", "suitable_for": [],
            "cluster_flavors": [], "platforms": [], "requires": [], "conflicts": [], "roles": [], "layouts": [],
            "parameters": [{
                "name": "password", "kind": "secret", "many": false, "required": false, "default": [], "choices": [],
                "pattern": null, "minimum": null, "maximum": null, "description": "",
            }],
            "outputs": [
                { "name": "address", "secret": false, "description": "" },
                { "name": "token", "secret": true, "description": "" },
            ],
            "idempotence": "converges", "actions": ["add"],
        }))
        .unwrap()
    }

    fn request() -> Request {
        let host = |id: &str| HostView { id: id.to_owned(), ..HostView::default() };
        let target = skywright_recipe_format::plan::Target {
            hosts: vec![host("a"), host("b")],
            gateways: vec![host("gw")],
            ..Default::default()
        };
        let action = skywright_recipe_format::plan::Action::Add;
        Request { action, target, parameters: Vec::new(), round: 0, results: Vec::new() }
    }

    use skywright_recipe_format::plan::HostView;

    fn step(id: &str, hosts: &[&str], work: Json) -> Json {
        json!({
            "id": id, "title": "", "assignments": [{ "hosts": hosts, "work": work, "undo": null }], "needs": [],
            "at_once": null, "timeout_ms": 1000, "tries": 1, "retry_after_ms": 0, "on_failure": "undo",
            "when_changed": [], "outputs": [],
        })
    }

    fn script(text: &str) -> Json {
        json!({ "script": {
            "interpreter": "/bin/sh", "text": text, "as_user": null, "environment": [], "unless": null, "creates": null,
        } })
    }

    fn file(path: &str, mode: u32, content: Json) -> Json {
        json!({ "file": {
            "path": path, "content": content, "mode": mode, "owner": "root", "group": "root", "present": true,
        } })
    }

    /// What is said of rounds, one after the other; the last.
    fn said(rounds: Vec<Vec<Json>>) -> Result<(), String> {
        let (info, request) = (info(), request());
        let mut bounds = Bounds::new("tests/stack", &info, &request);
        let mut last = Ok(());
        for round in rounds {
            let steps: Vec<Step> =
                round.into_iter().map(|step| serde_json::from_value(step).unwrap()).collect();
            last = bounds.admit(&steps).map_err(|fault| fault.to_string());
        }
        last
    }

    #[track_caller]
    fn refused(step: Json, word: &str) {
        let reason = said(vec![vec![step]]).unwrap_err();
        assert!(reason.contains(word), "{reason}");
    }

    #[test]
    fn what_a_feature_may_ask_for() {
        let secret = json!({ "secret-parameter": "password" });
        said(vec![
            vec![
                step("one", &["a", "b"], script("true")),
                step("two", &["a"], file("/etc/x", 0o640, secret)),
            ],
            vec![step("three", &["b"], json!("reboot"))],
        ])
        .unwrap();
    }

    #[test]
    fn no_host_but_the_targets_and_none_twice() {
        refused(step("x", &["elsewhere"], script("true")), "no host of the target");
        // A gateway is the way there, and no place to work.
        refused(step("x", &["gw"], script("true")), "no host of the target");
        refused(step("x", &["a", "a"], script("true")), "twice");
    }

    #[test]
    fn no_more_than_a_round_and_an_action_may_hold() {
        let many = |round: usize, count: usize| -> Vec<Json> {
            (0..count).map(|index| step(&format!("s{round}-{index}"), &["a"], script("true"))).collect()
        };
        assert!(said(vec![many(0, 1001)]).unwrap_err().contains("1001 steps"));
        assert!(
            said((0..5).map(|round| many(round, 1000)).collect()).unwrap_err().contains("more than 4096")
        );
        assert!(said(vec![Vec::new()]).unwrap_err().contains("without steps"));
        refused(step("x", &["a"], script(&"a".repeat((64 << 10) + 1))), "a script of");
        let large: Vec<Json> =
            (0..200).map(|index| step(&format!("s{index}"), &["a"], script(&"a".repeat(60 << 10)))).collect();
        assert!(said(vec![large]).unwrap_err().contains("bytes of text in a round"));
    }

    #[test]
    fn no_path_to_somewhere_else() {
        let text = json!({ "plain": "x" });
        for path in ["etc/passwd", "/etc/../root/.ssh/x", "/", "/a\nb", "/var/lib/skywright/features/x"] {
            refused(step("x", &["a"], file(path, 0o644, text.clone())), "step `x`");
        }
        let mut own = script("true");
        own["script"]["interpreter"] = json!("sh");
        refused(step("x", &["a"], own), "interpreter");
        let mut own = script("true");
        own["script"]["environment"] = json!([{ "name": "LD_PRELOAD", "value": { "plain": "x" } }]);
        refused(step("x", &["a"], own), "no variable");
        refused(step("../x", &["a"], script("true")), "no id of a step");
    }

    #[test]
    fn a_secret_stays_one() {
        let secret = json!({ "secret-parameter": "password" });
        refused(step("x", &["a"], file("/etc/x", 0o644, secret)), "everybody may open it");
        refused(
            step("x", &["a"], file("/etc/x", 0o600, json!({ "secret-parameter": "other" }))),
            "no secret",
        );
        let (info, request) = (info(), request());
        let mut bounds = Bounds::new("tests/stack", &info, &request);
        let mut tokens = step("tokens", &["a"], script("true"));
        tokens["outputs"] = json!([{ "name": "token", "secret": true }]);
        bounds.admit(&[serde_json::from_value(tokens).unwrap()]).unwrap();
        let end = |name: &str, value: Json| -> Conclusion {
            serde_json::from_value(json!({
                "hosts_with_feature": ["a"], "summary": "", "endpoints": [],
                "outputs": [{ "name": name, "value": value }],
            }))
            .unwrap()
        };
        let token = json!({ "output": { "step": "tokens", "host": "a", "output": "token" } });
        bounds.admit_end(&end("token", token.clone())).unwrap();
        for (name, value) in [
            ("address", token),
            ("address", json!({ "secret-parameter": "password" })),
            ("undeclared", json!({ "plain": "x" })),
        ] {
            assert!(bounds.admit_end(&end(name, value)).is_err(), "{name}");
        }
    }

    #[test]
    fn steps_begin_at_last() {
        let mut circle = [step("x", &["a"], script("true")), step("y", &["a"], script("true"))];
        circle[0]["needs"] = json!(["y"]);
        circle[1]["when_changed"] = json!(["x"]);
        assert!(said(vec![circle.to_vec()]).unwrap_err().contains("wait for each other"));
        let mut lost = step("x", &["a"], script("true"));
        lost["needs"] = json!(["nowhere"]);
        refused(lost, "which is no step");
        let again = vec![step("x", &["a"], script("true"))];
        assert!(said(vec![again.clone(), again]).unwrap_err().contains("two steps"));
    }
}
