//! Recipes read, linted, previewed, converted and built; asked natively, where the product asks inside the sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use skywright_recipe_format::plan::{Action, HostView, Plan, Request};
use skywright_recipe_format::{Bundle, Finding};

use crate::{
    End, Error, Planner, Refused, Report, Sample, Severity, ShellCheck, Source, convert, lint, preview,
    samples, scaffold,
};

/// The interpreter, called natively: only for recipes of ours.
struct Native<'a>(&'a Bundle);

impl Planner for Native<'_> {
    fn validate(&mut self, request: &Request) -> Result<Vec<Finding>, Error> {
        Ok(recipe_interpreter::validate(self.0, request))
    }

    fn next(&mut self, request: &Request) -> Result<Result<Plan, Refused>, Error> {
        Ok(recipe_interpreter::next(self.0, request).map_err(|refusal| Refused {
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
            hint: refusal.hint().map(str::to_owned),
        }))
    }
}

fn linted(source: &Source, shellcheck: Option<&ShellCheck>) -> Report {
    lint(source, &mut Native(&source.bundle), shellcheck).unwrap()
}

fn parse(text: &str, templates: &[(&str, &str)]) -> Result<Source, Error> {
    let templates: BTreeMap<String, String> =
        templates.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Source::parse(text, Path::new("stack/recipe.yaml"), templates)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const HEAD: &str = "recipe: 1\nid: acme/stack\nversion: 1.0.0\ntitle: A stack\ndescription: x\nlicense: MIT\nreport: x@example.org\nplatforms: [{ family: debian, versions: [\"12\"] }]\ncheck: { steps: [{ id: look, do: { script: { text: 'true', idempotent: true } } }] }\nremove: { steps: [{ id: gone, do: { script: { text: 'true', idempotent: true } } }] }\n";

#[test]
fn what_is_wrong_has_line_and_column() {
    let add = "add:\n  steps:\n    - id: a\n      needs: [b]\n      do: { script: { text: x } }\n";
    for (text, expected) in [
        (format!("{HEAD}adds: {{}}\n"), "stack/recipe.yaml:11:1: unknown key `adds`; did you mean `add`?"),
        (
            format!("{HEAD}add:\n  steps:\n    - id: a\n      do: {{ scrpit: {{}} }}\n"),
            "stack/recipe.yaml:14:13: add.steps[0].do: unknown word `scrpit`; did you mean `script`?",
        ),
        (
            format!("{HEAD}add:\n  steps:\n    - id: a\n      tries: many\n      do: reboot\n"),
            "stack/recipe.yaml:14:14: add.steps[0].tries: expected u8, found text",
        ),
        (
            format!("{HEAD}add:\n  steps:\n    - id: a\n"),
            "stack/recipe.yaml:13:7: add.steps[0]: the key `do` is missing",
        ),
        (format!("{HEAD}{add}"), "stack/recipe.yaml:14:15: add.steps[0].needs[0]: there is no step `b`"),
        (
            format!("{HEAD}{}", add.replace("[b]", "[a]")),
            "stack/recipe.yaml:12:3: add.steps: these wait for each other: a",
        ),
        (
            format!("{HEAD}{}", add.replace("needs: [b]", "when: '{{ true }}'")),
            "stack/recipe.yaml:14:7: add.steps[0].when: a condition stands without brackets: host.vcpus > 1",
        ),
        (
            format!("{HEAD}{}", add.replace("      needs: [b]\n", "").replace("text: x", "template: x.tera")),
            "stack/recipe.yaml:14:23: add.steps[0].do.script.template: there is no scripts/x.tera",
        ),
    ] {
        let error = parse(&text, &[]).unwrap_err().to_string();
        assert_eq!(error, expected, "{text}");
    }
}

#[test]
fn shipped_recipes_lint_clean() {
    let folders = fs::read_dir(root().join("plugins/features")).unwrap().map(|entry| entry.unwrap().path());
    let recipes: Vec<_> = folders.filter(|folder| folder.join("recipe.yaml").is_file()).collect();
    assert!(recipes.len() >= 12, "{recipes:?}");
    for folder in recipes {
        let source = Source::read(&folder).unwrap();
        let report = linted(&source, ShellCheck::find().as_ref());
        let wrong = report.remarks.iter().filter(|remark| remark.severity == Severity::Error).count();
        assert_eq!(wrong, 0, "{}: {report}", folder.display());
        assert!(report.samples >= 8, "{report}");
    }
}

#[test]
fn the_clock_of_the_machine_is_left_alone() {
    let source = Source::read(&root().join("plugins/features/ntp-client")).unwrap();
    let samples = samples(&source.bundle.recipe);
    let shown = |word: &str| {
        let sample =
            samples.iter().find(|sample| sample.name == format!("debian 12 x86_64, {word}")).unwrap();
        preview(&mut Native(&source.bundle), sample, Action::Add).unwrap().to_string()
    };
    insta::assert_snapshot!("ntp-client-shared-clock", shown("full"));
    insta::assert_snapshot!("ntp-client-own-clock", shown("sparse"));
}

#[test]
fn a_test_of_a_secret_is_no_command_line() {
    let remarks = |script: &str| {
        let text = format!(
            "{HEAD}parameters:\n  token: {{ kind: secret, description: x }}\nadd:\n  steps:\n    - id: a\n      do: {{ script: {{ template: a.sh.tera, creates: /x, environment: {{ TOKEN: {{ secret: token }} }} }} }}\n"
        );
        linted(&parse(&text, &[("a.sh.tera", script)]).unwrap(), None).to_string()
    };
    for script in
        ["[ -n \"$TOKEN\" ] || exit 1\n", "if [ ! -z \"$TOKEN\" ]; then true; fi\n", "test -n \"$TOKEN\"\n"]
    {
        assert!(!remarks(script).contains("secret-argument"), "{script}: {}", remarks(script));
    }
    let both = "[ -n \"$TOKEN\" ] && login -p \"$TOKEN\"\n";
    assert!(remarks(both).contains("secret-argument"), "{}", remarks(both));
}

#[test]
fn lint_says_what_is_better_changed() {
    let text = format!(
        "{}{}",
        HEAD.replace("remove:", "# remove:"),
        r#"parameters:
  name: { kind: text, description: x }
  token: { kind: secret, description: x }
  unused: { kind: port, description: x, default: 1 }
add:
  steps:
    - id: bad
      do:
        script:
          template: bad.sh.tera
          environment: { TOKEN: { secret: token } }
    - id: source
      do:
        packages:
          install: [docker-ce]
          sources: [{ name: docker, kind: apt, uri: "https://download.example.org/linux", suites: [bookworm] }]
    - id: open
      when: host.public_address == "x"
      do: { script: { text: "echo {{ host.public_address }}", creates: /x } }
    - id: missing
      do: { script: { text: "echo {{ target.cidr }}", creates: /x } }
"#
    );
    let bad = "curl -fsSL https://get.example.org/x | sudo bash\nwget -q https://example.org/releases/latest/x.tgz\n\
        apt-get install -y x\nlogin --password \"$TOKEN\"\necho {{ parameters.name }}\ndocker pull nginx:latest\n# curl x | sh\n";
    let source = parse(&text, &[("bad.sh.tera", bad), ("old.tera", "${#list[@]} {#}")]).unwrap();
    let report = linted(&source, None);
    assert!(!report.is_passed());
    insta::assert_snapshot!("lint-bad", report.to_string());
}

#[test]
fn a_clean_recipe_has_no_remarks_and_a_new_one_is_clean() {
    let parent = tempfile::tempdir().unwrap();
    let made = scaffold("acme/stack", &parent.path().join("stack")).unwrap();
    let source = Source::read(&made.folder).unwrap();
    assert_eq!(linted(&source, ShellCheck::find().as_ref()).remarks, []);
    assert!(made.folder.join("recipe.schema.json").is_file() && made.folder.join("README.md").is_file());
    assert!(matches!(scaffold("acme/stack", &made.folder), Err(Error::Exists { .. })));
    assert!(matches!(scaffold("../x", &parent.path().join("x")), Err(Error::Name { .. })));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn only_templates_are_in_scripts() {
    let parent = tempfile::tempdir().unwrap();
    let made = scaffold("acme/stack", &parent.path().join("stack")).unwrap();
    let scripts = made.folder.join("scripts");
    std::os::unix::fs::symlink("/etc/passwd", scripts.join("x.tera")).unwrap();
    assert!(matches!(Source::read(&made.folder), Err(Error::Template { .. })));
    fs::remove_file(scripts.join("x.tera")).unwrap();
    fs::write(scripts.join("x.sh"), "x").unwrap();
    assert!(matches!(Source::read(&made.folder), Err(Error::Template { .. })));
}

#[test]
fn recipes_share_templates() {
    let parent = tempfile::tempdir().unwrap();
    let made = scaffold("acme/stack", &parent.path().join("stack")).unwrap();
    let recipe = made.folder.join("recipe.yaml");
    let text = fs::read_to_string(&recipe).unwrap();
    let read = |folder: &str| {
        fs::write(&recipe, format!("{text}\nshared_scripts: [{folder}]\n")).unwrap();
        Source::read(&made.folder)
    };
    let wrong = |folder: &str| read(folder).unwrap_err().to_string();
    assert!(
        wrong("../shared").contains("`../shared` is no folder beside the recipe's"),
        "{}",
        wrong("../shared")
    );
    let shared = parent.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("more.sh.tera"), "echo {{ nobody }}\n").unwrap();
    assert!(
        wrong(shared.to_str().unwrap()).contains("is no folder beside"),
        "an absolute path is of one machine"
    );
    let source = read("../shared").unwrap();
    assert_eq!(source.bundle.templates["more.sh.tera"], "echo {{ nobody }}\n");
    assert!(!String::from_utf8(source.bundle.to_json().unwrap()).unwrap().contains("shared"));
    assert!(
        linted(&source, None).to_string().contains("../shared/more.sh.tera"),
        "{}",
        linted(&source, None)
    );
    let own = fs::read_dir(made.folder.join("scripts")).unwrap().next().unwrap().unwrap();
    fs::copy(own.path(), shared.join(own.file_name())).unwrap();
    assert!(wrong("../shared").contains("there is another"), "{}", wrong("../shared"));
}

#[test]
fn endless_rounds_end() {
    struct Endless;
    impl Planner for Endless {
        fn validate(&mut self, _: &Request) -> Result<Vec<Finding>, Error> {
            Ok(Vec::new())
        }
        fn next(&mut self, _: &Request) -> Result<Result<Plan, Refused>, Error> {
            Ok(Ok(Plan::Round(Vec::new())))
        }
    }
    let source = parse(&format!("{HEAD}add: {{ steps: [{{ id: a, do: reboot }}] }}\n"), &[]).unwrap();
    let sample = &samples(&source.bundle.recipe)[0];
    let preview = preview(&mut Endless, sample, Action::Add).unwrap();
    assert!(matches!(preview.end, End::Refused(refused) if refused.code == "too-much"));
}

/// A feature file as SafeScale's users wrote them, with everything that the format had.
const SAFESCALE: &str = include_str!("convert/sample.yml");

#[test]
fn a_safescale_feature_becomes_a_recipe() {
    let converted = convert(SAFESCALE, Path::new("My.Page.yml")).unwrap();
    insta::assert_snapshot!("converted-recipe", converted.recipe);
    insta::assert_snapshot!("converted-script", converted.templates["add-files.sh.tera"]);
    let losses: Vec<String> = converted.losses.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("converted-losses", losses.join("\n"));
    let parent = tempfile::tempdir().unwrap();
    converted.write(&parent.path().join("page")).unwrap();
    let source = Source::read(&parent.path().join("page")).unwrap();
    // What was lost is said where it would run.
    let report = linted(&source, None);
    assert!(
        report.remarks.iter().any(|remark| remark.message.contains("not carried over: .reserved_TenantJSON")),
        "{report}"
    );
}

/// One that uses what most did: it is whole.
#[test]
fn a_plain_safescale_feature_is_carried_over_whole() {
    let text = r#"feature:
    parameters: ["Greeting=hello"]
    install:
        bash:
            check: { pace: look, steps: { look: { targets: { hosts: all }, run: "test -f /etc/greeting\n" } } }
            add:
                pace: write
                steps:
                    write:
                        targets: { hosts: all }
                        run: |
                            sfInstall hello || sfFail 192 "cannot install"
                            echo "{{ .Greeting }} from {{ .ShortHostname }} on $LINUX_KIND" >/etc/greeting
                            sfExit
            remove: { pace: gone, steps: { gone: { targets: { hosts: all }, run: "rm -f /etc/greeting\n" } } }
"#;
    let converted = convert(text, Path::new("greeting.yml")).unwrap();
    assert_eq!(converted.losses.len(), 1, "{:?}", converted.losses);
    let parent = tempfile::tempdir().unwrap();
    converted.write(&parent.path().join("greeting")).unwrap();
    let source = Source::read(&parent.path().join("greeting")).unwrap();
    let report = linted(&source, None);
    assert!(report.is_passed(), "{report}");
    let sample = &samples(&source.bundle.recipe)[0];
    let shown = preview(&mut Native(&source.bundle), sample, Action::Add).unwrap().to_string();
    assert!(shown.contains("echo \"hello from host-1 on $LINUX_KIND\" >/etc/greeting"), "{shown}");
    assert!(shown.contains("LINUX_KIND=debian"), "{shown}");
}

#[test]
fn steps_without_targets_are_left_out() {
    let text = "feature:\n  install:\n    bash:\n      add:\n        pace: a,b,c\n        steps:\n          a: { targets: { hosts: all }, run: \"true\" }\n          b: { targets: { hosts: sometimes }, run: \"true\" }\n          c: { targets: { masters: none, nodes: none }, run: \"true\" }\n";
    let converted = convert(text, Path::new("x.yml")).unwrap();
    let losses: Vec<_> = converted.losses.iter().map(|loss| loss.message.as_str()).collect();
    for said in [
        "`hosts: sometimes` in targets: it is taken for none",
        "the step `b` has no targets: SafeScale never ran it",
        "the step `c` has no targets: SafeScale never ran it",
    ] {
        assert!(losses.contains(&said), "{losses:?}");
    }
    let source = Source::parse(&converted.recipe, Path::new("recipe.yaml"), converted.templates).unwrap();
    let steps: Vec<_> = source.bundle.recipe.add.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(steps, ["a"]);
}

#[test]
fn steps_of_one_name_are_numbered() {
    let text = "feature:\n  install:\n    bash:\n      add:\n        pace: a,a,A\n        steps:\n          a: { targets: { hosts: all }, run: \"true\" }\n          A: { targets: { hosts: all }, run: \"false\" }\n";
    let converted = convert(text, Path::new("x.yml")).unwrap();
    let source = Source::parse(&converted.recipe, Path::new("recipe.yaml"), converted.templates).unwrap();
    let steps = source.bundle.recipe.add.steps.iter();
    let steps: Vec<_> = steps.map(|step| (step.id.as_str(), step.needs.join(","))).collect();
    assert_eq!(steps, [("a", String::new()), ("a-2", "a".to_owned()), ("a-3", "a-2".to_owned())]);
    assert!(source.bundle.templates["add-a-2.sh.tera"].contains("true"));
    assert!(source.bundle.templates["add-a-3.sh.tera"].contains("false"));
}

/// Names that a recipe keeps for something else.
#[test]
fn reserved_names_are_changed() {
    let text = r#"feature:
    parameters: ["LdToken="]
    install:
        bash:
            add: { pace: publish-page, steps: { publish-page: { targets: { hosts: all }, run: "echo {{.LdToken}}" } } }
    proxy:
        rules:
            - { name: s, type: service, content: '{"url": "http://127.0.0.1/"}' }
            - { name: r, type: route, content: '{"paths": [""]}' }
"#;
    let converted = convert(text, Path::new("x.yml")).unwrap();
    let source = Source::parse(&converted.recipe, Path::new("recipe.yaml"), converted.templates).unwrap();
    let recipe = &source.bundle.recipe;
    assert_eq!(recipe.add.steps[0].id, "step-publish-page");
    assert!(source.bundle.templates["add-step-publish-page.sh.tera"].contains("${SECRET_LD_TOKEN}"));
    assert!(converted.recipe.contains("SECRET_LD_TOKEN"));
    assert_eq!(recipe.publish[0].path, "/");
}

#[test]
fn mpich_is_a_package() {
    let text = "feature:\n  install:\n    apt: { package: mpich }\n    dnf: { package: mpich }\n";
    let converted = convert(text, Path::new("mpich-ospkg.yml")).unwrap();
    let source = Source::parse(&converted.recipe, Path::new("recipe.yaml"), converted.templates).unwrap();
    assert!(linted(&source, None).is_passed());
    assert!(source.bundle.recipe.remove.is_some());
}

#[test]
fn what_is_no_feature_file_is_refused() {
    for text in ["", "a: 1\n", "feature: x\n", "- x\n"] {
        assert!(matches!(convert(text, Path::new("x.yml")), Err(Error::SafeScale { .. })), "{text:?}");
    }
    assert!(matches!(convert("feature: {}\n", Path::new("1.yml")), Err(Error::Name { .. })));
    assert!(convert("feature: {}\n", Path::new("x.yml")).is_ok());
}

#[test]
fn the_schema_is_that_of_the_types() {
    let path = root().join("wit/recipe/recipe.schema.json");
    let schema = skywright_recipe_format::json_schema();
    if std::env::var_os("SCHEMA_UPDATE").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), schema, "run the test with SCHEMA_UPDATE=1");
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(recipe|add|steps|id|do|script|[a-c:{}\\[\\],~# \n-]){0,60}") {
            let _ = parse(&text, &[]);
        }

        #[test]
        fn no_script_breaks_the_converter(
            run in "([a-z$ .\"(){}|]|\\{\\{|\\}\\}|if|end|range|\\.HostIP|else|eq|\n){0,60}",
        ) {
            let text = format!("feature:\n  install:\n    bash:\n      add:\n        pace: a\n        steps:\n          a:\n            run: {}\n", serde_json::to_string(&run).unwrap());
            let converted = convert(&text, Path::new("x.yml")).unwrap();
            Source::parse(&converted.recipe, Path::new("recipe.yaml"), converted.templates).unwrap();
        }
    }
}

/// A target of so many masters and nodes.
fn cluster(source: &Source, masters: usize, nodes: usize) -> Sample {
    let all = samples(&source.bundle.recipe);
    let mut sample = all.into_iter().find(|sample| sample.name == "debian 12 x86_64, full").unwrap();
    let like = sample.target.hosts[0].clone();
    let parts = (1..=masters).map(|n| ("master", n)).chain((1..=nodes).map(|n| ("node", n)));
    let hosts = parts.enumerate().map(|(index, (role, n))| HostView {
        id: format!("{role}-{n}"),
        name: format!("{role}-{n}"),
        roles: vec![role.to_owned()],
        private_address: format!("192.0.2.{}", index + 11),
        public_address: None,
        ..like.clone()
    });
    sample.target.hosts = hosts.collect();
    sample
}

/// What a cluster gets, word for word. No cluster of the real binaries was ever made: see tests/rigs/kubernetes.
#[test]
fn a_cluster_of_three_masters_and_two_nodes() {
    let source = Source::read(&root().join("plugins/features/kubernetes")).unwrap();
    let sample = cluster(&source, 3, 2);
    for action in [Action::Add, Action::Upgrade, Action::Remove] {
        let shown = preview(&mut Native(&source.bundle), &sample, action).unwrap();
        assert!(matches!(shown.end, End::Done(_)), "{shown}");
        insta::assert_snapshot!(format!("kubernetes-{}", action.name()), shown.to_string());
    }
}

#[test]
fn a_new_master_that_is_named_first_joins() {
    let source = Source::read(&root().join("plugins/features/kubernetes")).unwrap();
    let mut request = cluster(&source, 3, 2).request(Action::Add);
    for host in request.target.hosts.iter_mut().skip(1) {
        host.installed = Some("0.1.0".to_owned());
    }
    let Ok(Plan::Round(steps)) = recipe_interpreter::next(&source.bundle, &request) else {
        panic!("no round")
    };
    let on = |id: &str| -> Vec<&str> {
        let step = steps.iter().find(|step| step.id == id).unwrap();
        step.assignments.iter().flat_map(|own| &own.hosts).map(String::as_str).collect()
    };
    assert_eq!(on("init"), ["master-2"]);
    assert!(on("masters").contains(&"master-1"));
}

#[test]
fn several_masters_need_one_name_for_all() {
    let source = Source::read(&root().join("plugins/features/kubernetes")).unwrap();
    let mut sample = cluster(&source, 3, 2);
    sample.parameters.retain(|one| one.name != "control_plane_endpoint");
    let shown = preview(&mut Native(&source.bundle), &sample, Action::Add).unwrap();
    assert!(matches!(&shown.end, End::Refused(refused) if refused.code == "template"), "{shown}");
}
