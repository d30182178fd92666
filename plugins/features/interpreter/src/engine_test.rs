//! Recipes, asked natively.

use std::collections::BTreeMap;

use serde_json::json;
use skywright_recipe_format::plan::{
    Action, Argument, ArgumentValue, Conclusion, HostView, KeyValue, Outcome, Plan, Request, Step,
    StepResult, Target, Value, Work,
};
use skywright_recipe_format::{Bundle, Recipe, limits};

use crate::{Refusal, next, validate};

/// A recipe with these keys over the ones that every recipe has.
fn bundle(keys: serde_json::Value, templates: &[(&str, &str)]) -> Bundle {
    let mut recipe = json!({
        "recipe": 1, "id": "acme/stack", "version": "1.2.3", "title": "A stack", "description": "x", "license": "MIT",
        "report": "x@example.org", "platforms": [{"family": "debian"}, {"family": "rhel", "versions": ["9"]}],
        "check": {"steps": [script("look", "true")]}, "add": {"steps": [script("install", "true")]},
    });
    for (key, value) in keys.as_object().unwrap() {
        recipe[key] = value.clone();
    }
    let recipe: Recipe = serde_json::from_value(recipe).unwrap();
    let templates: BTreeMap<String, String> =
        templates.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let bundle = Bundle { recipe, templates };
    assert_eq!(bundle.findings(), [], "the recipe is wrong");
    bundle
}

fn script(id: &str, text: &str) -> serde_json::Value {
    json!({"id": id, "do": {"script": {"text": text}}})
}

fn host(id: &str, roles: &[&str]) -> HostView {
    HostView {
        id: id.to_owned(),
        name: format!("{id}.example"),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        private_address: "10.0.0.2".to_owned(),
        user: "operator".to_owned(),
        os_family: "debian".to_owned(),
        os_distribution: "debian".to_owned(),
        os_version: "12.7".to_owned(),
        architecture: "x86_64".to_owned(),
        vcpus: 2,
        memory_mib: 2048,
        facts: vec![KeyValue { key: "clock".to_owned(), value: "shared".to_owned() }],
        ..HostView::default()
    }
}

fn request(action: Action, hosts: Vec<HostView>) -> Request {
    let target = Target { name: "lab".to_owned(), hosts, ..Target::default() };
    Request { action, target, parameters: vec![], round: 0, results: vec![] }
}

fn two() -> Request {
    request(Action::Add, vec![host("a", &["manager"]), host("b", &["worker"])])
}

fn round(bundle: &Bundle, request: &Request) -> Vec<Step> {
    match next(bundle, request).unwrap() {
        Plan::Round(steps) => steps,
        Plan::Done(conclusion) => panic!("it is done: {conclusion:?}"),
    }
}

fn done(bundle: &Bundle, request: &Request) -> Conclusion {
    match next(bundle, request).unwrap() {
        Plan::Done(conclusion) => conclusion,
        Plan::Round(steps) => panic!("it is not done: {steps:?}"),
    }
}

/// As a host that does everything: each step of a round succeeds, and gives `value-of-HOST`.
fn carry_out(request: &mut Request, steps: &[Step]) {
    for step in steps {
        for id in step.assignments.iter().flat_map(|assignment| &assignment.hosts) {
            let names = |secret| step.outputs.iter().filter(move |output| output.secret == secret);
            request.results.push(StepResult {
                step: step.id.clone(),
                host: id.clone(),
                outcome: Outcome::Succeeded,
                exit_code: 0,
                changed: true,
                outputs: names(false)
                    .map(|output| KeyValue { key: output.name.clone(), value: format!("value-of-{id}") })
                    .collect(),
                secret_outputs: names(true).map(|output| output.name.clone()).collect(),
            });
        }
    }
    request.round += 1;
}

fn text(step: &Step, index: usize) -> &str {
    match &step.assignments[index].work {
        Work::Script(script) => &script.text,
        work => panic!("no script: {work:?}"),
    }
}

#[test]
fn templates_know_the_host_the_target_and_the_parameters() {
    let keys = json!({
        "parameters": {
            "port": {"kind": "port", "description": "x", "default": 8080},
            "names": {"kind": "text", "many": true, "description": "x", "default": ["a b", "c"]},
            "on": {"kind": "boolean", "description": "x", "default": true},
        },
        "roles": {"manager": {}, "worker": {}},
        "add": {"steps": [{"id": "install", "do": {"script": {"template": "x.sh.tera"}}}]},
    });
    let template = "{{ host.short_name }} {{ host.os_major }} {{ host.facts[\"clock\"] }} {{ target.name }} \
        {{ parameters.port + 1 }} {{ parameters.names | quote }} {% if parameters.on %}on{% endif %} \
        {{ roles.manager[0].name }} {{ hosts | length }} {{ action }} {{ feature.version }}";
    let bundle = bundle(keys, &[("x.sh.tera", template)]);
    let mut request = two();
    request.parameters = vec![
        Argument { name: "port".to_owned(), value: ArgumentValue::Text("9".to_owned()) },
        Argument {
            name: "names".to_owned(),
            value: ArgumentValue::Texts(vec!["a b".to_owned(), "c".to_owned()]),
        },
        Argument { name: "on".to_owned(), value: ArgumentValue::Text("true".to_owned()) },
    ];
    let steps = round(&bundle, &request);
    assert_eq!(text(&steps[0], 0), "a 12 shared lab 10 'a b' c on a.example 2 add 1.2.3");
    assert_eq!(text(&steps[0], 1), "b 12 shared lab 10 'a b' c on a.example 2 add 1.2.3");
}

#[test]
fn hosts_with_the_same_work_stand_together() {
    let steps = json!([
        script("same", "echo {{ target.name }} {{ hosts[0].id }}"),
        script("own", "echo {{ host.id }}"),
        script("parity", "echo {{ host.index % 2 }}"),
    ]);
    let bundle = bundle(json!({"add": {"steps": steps}}), &[]);
    let hosts = (0..5).map(|n| host(&format!("h{n}"), &[])).collect();
    let steps = round(&bundle, &request(Action::Add, hosts));
    let hosts: Vec<Vec<usize>> =
        steps.iter().map(|step| step.assignments.iter().map(|own| own.hosts.len()).collect()).collect();
    assert_eq!(hosts, [vec![5], vec![1, 1, 1, 1, 1], vec![3, 2]]);
}

#[test]
fn what_reads_an_output_comes_in_a_later_round() {
    let keys = json!({
        "roles": {"manager": {"at_least": 1}, "worker": {}},
        "outputs": {"token": {"from": "init.token", "description": "x"}, "where": {"value": "{{ outputs.init.address }}", "description": "x"}},
        "add": {"summary": "joined {{ roles.worker | length }}", "steps": [
            {"id": "packages", "do": {"packages": {"install": ["docker.io"]}}},
            {"id": "init", "needs": ["packages"], "targets": {"manager": "one"},
             "outputs": {"token": {"secret": true}, "address": {}}, "do": {"script": {"text": "init"}}},
            {"id": "join", "reads": ["init"], "targets": {"worker": "all"},
             "do": {"script": {"text": "join {{ outputs.init.address }}", "environment": {"TOKEN": {"output": "init.token"}}}}},
        ]},
    });
    let bundle = bundle(keys, &[]);
    let mut request = two();
    let first = round(&bundle, &request);
    assert_eq!(first.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["packages", "init"]);
    assert_eq!(
        (first[1].needs.as_slice(), first[1].assignments[0].hosts.as_slice()),
        (["packages".to_owned()].as_slice(), ["a".to_owned()].as_slice())
    );
    carry_out(&mut request, &first);
    let second = round(&bundle, &request);
    assert_eq!((second.len(), text(&second[0], 0), second[0].needs.len()), (1, "join value-of-a", 0));
    let Work::Script(script) = &second[0].assignments[0].work else { panic!("no script") };
    let Value::Output(token) = &script.environment[0].value else { panic!("{:?}", script.environment) };
    assert_eq!((token.step.as_str(), token.host.as_str(), token.output.as_str()), ("init", "a", "token"));
    carry_out(&mut request, &second);
    let done = done(&bundle, &request);
    assert_eq!(
        (done.summary.as_str(), done.hosts_with_feature.as_slice()),
        ("joined 1", ["a".to_owned(), "b".to_owned()].as_slice())
    );
    assert_eq!(done.outputs[0].value, Value::Output(token.clone()));
    assert_eq!(done.outputs[1].value, Value::Plain("value-of-a".to_owned()));
}

#[test]
fn the_same_request_gives_the_same_plan() {
    let bundle = bundle(
        json!({"add": {"steps": [script("a", "{% for key, value in host.facts %}{{ key }}{% endfor %}")]}}),
        &[],
    );
    let mut request = two();
    for (index, key) in ["z", "m", "a", "q"].iter().enumerate() {
        request.target.hosts[0].facts.push(KeyValue { key: (*key).to_owned(), value: index.to_string() });
    }
    let first = next(&bundle, &request).unwrap();
    for _ in 0..8 {
        assert_eq!(next(&bundle, &request).unwrap(), first);
    }
    let Plan::Round(steps) = first else { panic!("no round") };
    assert_eq!(text(&steps[0], 0), "aclockmqz");
}

#[test]
fn a_step_without_hosts_hands_on_what_it_waited_for() {
    let keys = json!({"add": {"steps": [
        script("first", "true"),
        {"id": "middle", "needs": ["first"], "when": "host.os_family == \"rhel\"", "do": {"script": {"text": "true"}}},
        {"id": "last", "needs": ["middle"], "do": {"script": {"text": "true"}}},
        {"id": "handler", "when_changed": ["middle"], "do": {"service": {"name": "x", "state": "restarted"}}},
        {"id": "second-handler", "when_changed": ["handler"], "do": {"script": {"text": "true"}}},
        {"id": "behind", "needs": ["second-handler"], "do": {"script": {"text": "true"}}},
    ]}});
    let steps = round(&bundle(keys, &[]), &two());
    let needs: Vec<_> = steps.iter().map(|step| (step.id.as_str(), step.needs.clone())).collect();
    let first = || vec!["first".to_owned()];
    assert_eq!(needs, [("first", vec![]), ("last", first()), ("behind", first())]);
}

#[test]
fn rules_come_and_go_with_the_feature() {
    let keys = json!({
        "firewall": [{"name": "https", "ports": "80,443", "sources": ["{% for n in [\"10.0.0.0/8\", \"192.168.0.0/16\"] %}{{ n }}\n{% endfor %}"]}],
        "publish": [{"name": "page", "path": "/page/", "upstreams": ["http://{{ hosts[0].private_address }}:80"]}],
        "remove": {"steps": [script("gone", "true")]},
    });
    let bundle = bundle(keys, &[]);
    let mut request = two();
    let first = round(&bundle, &request);
    assert_eq!(first.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["install", "firewall-https"]);
    let Work::Firewall(rule) = &first[1].assignments[0].work else { panic!("no rule") };
    assert_eq!(
        (rule.ports.len(), rule.sources.join(" ").as_str(), rule.open),
        (2, "10.0.0.0/8 192.168.0.0/16", true)
    );
    carry_out(&mut request, &first);
    let second = round(&bundle, &request);
    assert_eq!((second.len(), second[0].id.as_str()), (1, "publish-page"));
    request = two();
    request.action = Action::Remove;
    for id in ["publish-page", "gone"] {
        let removal = round(&bundle, &request);
        assert_eq!((removal.len(), removal[0].id.as_str()), (1, id));
        carry_out(&mut request, &removal);
    }
    let last = round(&bundle, &request);
    assert_eq!((last.len(), last[0].id.as_str()), (1, "firewall-https"), "ports close when nothing serves");
    let Work::Firewall(rule) = &last[0].assignments[0].work else { panic!("{last:?}") };
    assert!(!rule.open);
}

#[test]
fn a_check_says_where_it_is() {
    let mut request = request(Action::Check, vec![host("a", &[]), host("b", &[])]);
    let bundle = bundle(json!({}), &[]);
    let steps = round(&bundle, &request);
    carry_out(&mut request, &steps);
    request.results[1].outcome = Outcome::Failed;
    assert_eq!(done(&bundle, &request).hosts_with_feature, ["a"]);
}

#[test]
fn a_secret_is_in_no_template() {
    let keys = |text: &str| {
        json!({
            "parameters": {"password": {"kind": "secret", "description": "x"}},
            "add": {"steps": [{"id": "s", "do": {"script": {"text": text, "environment": {"PASSWORD": {"secret": "password"}}}}}]},
        })
    };
    let mut request = two();
    request.parameters = vec![Argument { name: "password".to_owned(), value: ArgumentValue::Secret }];
    let steps = round(&bundle(keys("login"), &[]), &request);
    let Work::Script(script) = &steps[0].assignments[0].work else { panic!("no script") };
    assert_eq!(script.environment[0].value, Value::SecretParameter("password".to_owned()));
    for text in ["{{ parameters.password }}", "{{ secrets.password }}", "{{ password }}"] {
        let refusal = next(&bundle(keys(text), &[]), &request).unwrap_err();
        assert!(matches!(refusal, Refusal::Template { .. }), "{text}: {refusal}");
        assert!(refusal.hint().is_some_and(|hint| hint.contains("secrets never are")), "{refusal}");
    }
    // A host that sends the value all the same is told so, and nothing is planned of it.
    request.parameters =
        vec![Argument { name: "password".to_owned(), value: ArgumentValue::Text("hunter2".to_owned()) }];
    let findings = validate(&bundle(keys("login"), &[]), &request);
    assert!(findings.iter().any(|finding| finding.message.contains("secret")), "{findings:?}");
    assert!(!format!("{findings:?}").contains("hunter2"));
    let refusal = next(&bundle(keys("{{ parameters.password }}"), &[]), &request).unwrap_err();
    assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
}

#[test]
fn what_is_not_known_is_an_error_with_a_place() {
    for (text, place) in [
        ("one\n{{ host.public_address }}", "x.sh.tera:2:9"),
        ("{{ parameters.nothing }}", "x.sh.tera:1:15"),
        ("{{ nothing }}", "x.sh.tera:1:4"),
        ("{{ outputs.look.x }}", "x.sh.tera:1:12"),
    ] {
        let keys = json!({"add": {"steps": [{"id": "s", "do": {"script": {"template": "x.sh.tera"}}}]}});
        let refusal = next(&bundle(keys, &[("x.sh.tera", text)]), &two()).unwrap_err();
        let Refusal::Template { place: found, .. } = &refusal else { panic!("{refusal}") };
        assert_eq!(found, place, "{refusal}");
    }
}

/// Must be refused with a clear word, quickly, and without a trap.
#[test]
fn hostile_recipes_are_refused() {
    let add = |steps: serde_json::Value| json!({"add": {"steps": steps}});
    let refused = |keys: serde_json::Value, request: &Request| next(&bundle(keys, &[]), request).unwrap_err();
    let bomb =
        "{% for a in range(end=9999) %}{% for b in range(end=9999) %}{{ hosts }}{% endfor %}{% endfor %}";
    let refusal = refused(add(json!([script("bomb", bomb)])), &two());
    assert_eq!((refusal.code(), refusal.hint().is_some()), ("too-long", true), "{refusal}");
    let file = json!([{"id": "bomb", "do": {"file": {"path": "/x", "text": bomb}}}]);
    assert_eq!(refused(add(file), &two()).code(), "too-long");

    // Many texts below the limit of one are too many together.
    let many: Vec<_> = (0..10)
        .map(|n| json!({"id": format!("s{n}"), "do": {"file": {"path": "/x", "text": "{% for a in range(end=90000) %}{{ host.index }}123456789{% endfor %}"}}}))
        .collect();
    assert_eq!(refused(add(json!(many)), &two()).code(), "too-long");

    let mut late = two();
    late.round = limits::ROUNDS;
    assert_eq!(refused(json!({}), &late).code(), "too-much");
    let crowd = request(Action::Add, (0..=limits::HOSTS).map(|n| host(&format!("h{n}"), &[])).collect());
    assert_eq!(refused(json!({}), &crowd).code(), "too-much");

    for path in ["/etc/{{ \"..\" }}/shadow", "{{ \"/\" }}", "{{ \"relative\" }}", "/a{{ \"\n\" }}b"] {
        let file = json!([{"id": "trick", "do": {"file": {"path": path, "text": "x"}}}]);
        assert_eq!(refused(add(file), &two()).code(), "rendered", "{path}");
    }
    let option = json!([{"id": "trick", "do": {"packages": {"install": ["{{ \"-oAPT::Update::Pre-Invoke::=id\" }}"]}}}]);
    assert_eq!(refused(add(option), &two()).code(), "rendered");

    let mut twins = two();
    twins.target.hosts[1].id = "a".to_owned();
    assert_eq!(refused(json!({}), &twins).code(), "request");
    for include in ["{% include \"/etc/passwd\" %}", "{% include \"x\" %}"] {
        assert_eq!(refused(add(json!([script("reads", include)])), &two()).code(), "template", "{include}");
    }
}

#[test]
fn a_step_names_no_host_but_the_targets() {
    let keys = json!({"roles": {"manager": {}}, "add": {"steps": [
        {"id": "s", "targets": {"manager": "all"}, "do": {"script": {"text": "true"}}}]}});
    let mut request = two();
    request.target.gateways = vec![host("gateway", &["manager"])];
    let steps = round(&bundle(keys, &[]), &request);
    assert_eq!(steps[0].assignments[0].hosts, ["a"]);
}

#[test]
fn an_output_of_several_hosts_is_nobodys() {
    let keys = json!({"add": {"steps": [
        {"id": "give", "outputs": {"x": {}}, "do": {"script": {"text": "true"}}},
        {"id": "own", "needs": ["give"], "do": {"script": {"text": "true", "environment": {"X": {"output": "give.x"}}}}},
    ]}});
    let steps = round(&bundle(keys, &[]), &two());
    assert_eq!(steps[1].assignments.len(), 2, "each host uses its own");
    let keys = json!({"roles": {"worker": {}}, "add": {"steps": [
        {"id": "give", "outputs": {"x": {}}, "do": {"script": {"text": "true"}}},
        {"id": "skip", "when": "host.id == \"c\"", "needs": ["give"], "do": {"script": {"text": "true", "environment": {"X": {"output": "give.x"}}}}},
    ]}});
    let mut request = request(Action::Add, vec![host("a", &[]), host("b", &[])]);
    let first = round(&bundle(keys.clone(), &[]), &request);
    carry_out(&mut request, &first);
    request.target.hosts.push(host("c", &[]));
    assert!(matches!(next(&bundle(keys, &[]), &request), Ok(Plan::Done(_))), "its level was planned already");
}

#[test]
fn a_request_is_checked_before_anything_is_done() {
    let keys = json!({
        "suitable_for": ["host"],
        "roles": {"manager": {"at_least": 1, "at_most": 1}},
        "parameters": {"version": {"kind": "version", "description": "x", "required": true}},
    });
    let bundle = bundle(keys, &[]);
    let mut request = request(Action::Upgrade, vec![host("a", &[])]);
    request.target.is_cluster = true;
    request.target.hosts[0].os_family = "windows".to_owned();
    request.parameters =
        vec![Argument { name: "colour".to_owned(), value: ArgumentValue::Text("red".to_owned()) }];
    let paths: Vec<String> = validate(&bundle, &request).into_iter().map(|finding| finding.path).collect();
    assert_eq!(
        paths,
        ["action", "target", "hosts.a.example", "roles.manager", "parameters.colour", "parameters.version"]
    );
}

#[test]
fn platforms_are_compared_by_whole_parts_of_versions() {
    let bundle = bundle(json!({"platforms": [{"family": "debian", "versions": ["1", "12"]}]}), &[]);
    let mut request = two();
    assert_eq!(validate(&bundle, &request), []);
    request.target.hosts[0].os_version = "13".to_owned();
    assert_eq!(validate(&bundle, &request).len(), 1);
}
