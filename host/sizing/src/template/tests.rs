use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::image::Image;
use crate::sizing::Sizing;

fn template(name: &str, vcpus: u32, memory_mib: u64, disk_gib: u32) -> Template {
    let disk_kind = if disk_gib == 0 { DiskKind::None } else { DiskKind::LocalSsd };
    Template {
        id: format!("id-{name}").into(),
        name: name.to_owned(),
        vcpus,
        memory_mib,
        disk_gib,
        disk_kind,
        ..Template::default()
    }
}

fn sizing(expression: &str) -> Sizing {
    expression.parse().unwrap()
}

fn rules(options: TemplateOptions) -> TemplateRules {
    TemplateRules::new(&options).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The names of those that qualify, the chosen one first.
fn qualify(expression: &str, templates: &[Template], rules: &TemplateRules) -> Vec<String> {
    let matches = match_templates(&sizing(expression), None, templates, rules).unwrap();
    let qualified = matches.verdicts.iter();
    qualified
        .filter(|verdict| matches!(verdict.outcome, TemplateOutcome::Qualifies { .. }))
        .map(|verdict| verdict.template.name.clone())
        .collect()
}

fn why(expression: &str, template: &Template, rules: &TemplateRules) -> String {
    let templates = std::slice::from_ref(template);
    match_templates(&sizing(expression), None, templates, rules).unwrap().verdicts[0].why()
}

#[test]
fn from_little_to_much_then_by_name_then_by_id() {
    let mut twin = template("b", 2, 8192, 16);
    twin.id = "id-a".into();
    let templates = [
        template("d", 1, 32768, 16),
        template("b", 2, 8192, 16),
        twin,
        template("a", 2, 8192, 16),
        template("c", 1, 8192, 16),
    ];
    assert_eq!(qualify("", &templates, &TemplateRules::default()), ["c", "a", "b", "b", "d"]);
    let matches = match_templates(&sizing("cpu=2"), None, &templates, &TemplateRules::default()).unwrap();
    assert_eq!(matches.verdicts[1].template.id.as_str(), "id-a");
    assert_eq!(matches.verdicts[0].why(), "chosen, rank 4");
    assert_eq!(matches.verdicts[1].why(), "number 2, rank 4");
}

#[test]
fn bounds_are_exact_and_each_miss_is_told() {
    let all = TemplateRules::default();
    let mut small = template("small", 2, 3840, 20);
    small.cpu_ghz = Some(2.4);
    for (expression, expected) in [
        ("ram=3.75", "chosen, rank 3.719"),
        ("ram>3.75", "ram is 3.75 GiB, `ram>3.75` is asked for"),
        ("ram<3.75", "ram is 3.75 GiB, `ram<3.75` is asked for"),
        ("ram<=3.75", "chosen, rank 3.719"),
        ("ram<3.751", "chosen, rank 3.719"),
        ("cpufreq=2.4", "chosen, rank 3.719"),
        ("cpufreq>2.4", "cpufreq is 2.4 GHz, `cpufreq>2.4` is asked for"),
        ("disk<20", "disk is 20 GiB, `disk<20` is asked for"),
        ("disk>20,cpu>=4", "cpu is 2, `cpu>=4` is asked for; disk is 20 GiB, `disk>20` is asked for"),
        ("gpu=0", "chosen, rank 3.719"),
        ("gpu>=0", "chosen, rank 3.719"),
        ("gpu>=1", "gpu is 0, `gpu>=1` is asked for"),
    ] {
        assert_eq!(why(expression, &small, &all), expected, "{expression}");
    }
    for ghz in [None, Some(f32::NAN), Some(-1.0), Some(f32::INFINITY), Some(0.0)] {
        small.cpu_ghz = ghz;
        let expected = "the processor's clock is not known, `cpufreq>=2` is asked for";
        assert_eq!(why("cpufreq>=2", &small, &all), expected);
    }
}

#[test]
fn gpus_are_left_out_unless_asked_for() {
    let mut known = template("big", 2, 2048, 20);
    known.gpu_count = 2;
    let templates = [known, template("g2-7", 2, 4096, 20), template("b2-7", 2, 8192, 20)];
    let rules = rules(TemplateOptions { gpu_families: texts(&["^g[23]-"]), ..TemplateOptions::default() });
    assert_eq!(qualify("", &templates, &rules), ["b2-7"]);
    assert_eq!(qualify("gpu=0", &templates, &rules), ["b2-7"]);
    assert_eq!(qualify("gpu>=1", &templates, &rules), ["big", "g2-7"]);
    assert_eq!(qualify("gpu=2", &templates, &rules), ["big"]);
    assert_eq!(qualify("gpu>=0", &templates, &rules), ["big", "g2-7", "b2-7"]);
    assert_eq!(why("", &templates[1], &rules), "it has a GPU, and `gpu` is not asked for");
}

#[test]
fn patterns_allow_deny_and_prefer() {
    let templates =
        [template("b2-7", 1, 1024, 10), template("c2-7", 4, 8192, 50), template("c2-flex", 1, 1, 1)];
    let options = |allow: &[&str], deny: &[&str]| TemplateOptions {
        allow: texts(allow),
        deny: texts(deny),
        ..TemplateOptions::default()
    };
    let is = |allow, deny, expected: &[&str]| {
        assert_eq!(qualify("", &templates, &rules(options(allow, deny))), expected);
    };
    is(&[], &[], &["c2-flex", "b2-7", "c2-7"]);
    is(&["^c2-.*|^b2-.*"], &["flex$"], &["c2-7", "b2-7"]);
    is(&["^c2-", "^b2-"], &["flex$"], &["c2-7", "b2-7"]);
    is(&["(b2-.*|c2-.*)"], &[], &["b2-7", "c2-flex", "c2-7"]);
    is(&["^c2-7$"], &[], &["c2-7"]);
    let rules = rules(options(&["^b2-"], &["flex$"]));
    assert_eq!(
        why("", &templates[2], &rules),
        "no `allow` pattern matches its name; the `deny` pattern `flex$` matches its name"
    );
    let error = TemplateRules::new(&options(&[], &["("])).unwrap_err();
    assert_eq!(error.code(), "pattern");
}

#[test]
fn the_architecture_is_amd64_unless_said() {
    let mut arm = template("arm", 1, 1024, 10);
    arm.architecture = Architecture::Arm64;
    let templates = [arm, template("amd", 2, 1024, 10)];
    let of = |architecture| rules(TemplateOptions { architecture, ..TemplateOptions::default() });
    assert_eq!(qualify("", &templates, &TemplateRules::default()), ["amd"]);
    assert_eq!(qualify("", &templates, &of(Some(Architecture::Arm64))), ["arm"]);
    assert_eq!(qualify("", &templates, &of(None)), ["arm", "amd"]);
}

#[test]
fn a_name_or_an_id_wins_over_all_else() {
    let mut odd = template("id-b", 64, 1024, 10);
    odd.id = "x".into();
    odd.gpu_count = 1;
    let templates = [template("a", 1, 1024, 10), template("b", 2, 1024, 10), odd];
    let rules = rules(TemplateOptions { allow: texts(&["^a$"]), ..TemplateOptions::default() });
    assert_eq!(qualify("template=b,cpu>=8", &templates, &rules), ["b"]);
    assert_eq!(qualify("template=id-b", &templates, &rules), ["b"], "an id comes before a name");
    assert_eq!(qualify("template=x", &templates, &rules), ["id-b"]);
    let matches = match_templates(&sizing("template=b"), None, &templates, &rules).unwrap();
    assert_eq!(matches.verdicts[1].why(), "another template is asked for by name");
}

#[test]
fn an_unknown_name_is_an_error_unless_other_terms_decide() {
    let templates = [template("b2-7", 2, 7168, 50), template("b2-15", 4, 15360, 100)];
    let all = TemplateRules::default();
    let error = match_templates(&sizing("template=b2-8,count=2"), None, &templates, &all).unwrap_err();
    assert_eq!(error.to_string(), "there is no template `b2-8`");
    assert!(error.hint().unwrap().starts_with("did you mean `b2-7`"), "{:?}", error.hint());
    let matches = match_templates(&sizing("template=b2-8,cpu>=4"), None, &templates, &all).unwrap();
    assert_eq!(matches.choice().unwrap().template.name, "b2-15");
    assert_eq!(matches.warning.as_deref(), Some("there is no template `b2-8`: the other terms decide"));
}

#[test]
fn no_template_names_those_that_miss_least() {
    let templates = [template("small", 2, 2048, 20), template("large", 8, 8192, 20)];
    let all = TemplateRules::default();
    let matches = match_templates(&sizing("cpu>=16,ram>=8"), None, &templates, &all).unwrap();
    let error = matches.choice().unwrap_err();
    assert_eq!(error.to_string(), "no template is as asked for");
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("nearest are `large`: cpu is 8, `cpu>=16` is asked for, `small`"), "{hint}");
    let none = match_templates(&sizing(""), None, &[], &all).unwrap();
    assert_eq!(none.choice().unwrap_err().hint().unwrap(), "the cloud offers no templates");
}

#[test]
fn a_boot_volume_stands_in_for_a_disk() {
    let of = |disk_gib, disk_kind| Template { disk_kind, ..template("t", 1, 1024, disk_gib) };
    let without = TemplateRules::default();
    let with = rules(TemplateOptions { boot_volumes: true, ..TemplateOptions::default() });
    let (none, local) = (DiskKind::None, DiskKind::LocalSsd);
    let no_disk = "it has no disk of its own, and boot volumes are not allowed";
    let image = |min_disk_gib| Image { min_disk_gib, ..Image::default() };
    // What is asked for, what the image needs, what there is; what becomes of it without and with volumes.
    for (expression, needs_gib, own, kind, plain, volume) in [
        ("", 0, 20, local, Ok(None), Ok(None)),
        ("", 20, 20, local, Ok(None), Ok(None)),
        (
            "",
            30,
            20,
            local,
            Err("the image needs a disk of 30 GiB, 20 GiB is what it could have"),
            Ok(Some(30)),
        ),
        ("", 0, 0, none, Err(no_disk), Ok(Some(10))),
        ("", 30, 0, none, Err(no_disk), Ok(Some(30))),
        ("", 30, 0, local, Ok(None), Ok(None)),
        ("disk>=50", 0, 20, local, Err("disk is 20 GiB, `disk>=50` is asked for"), Ok(Some(50))),
        ("disk>=50", 80, 0, none, Err(no_disk), Ok(Some(80))),
        ("disk>50", 0, 0, none, Err(no_disk), Ok(Some(51))),
        ("disk>=50", 0, 0, local, Err("disk is 0 GiB, `disk>=50` is asked for"), Ok(Some(50))),
        ("disk=[8-40]", 0, 0, none, Err(no_disk), Ok(Some(8))),
        ("disk<=5", 0, 0, none, Err(no_disk), Ok(Some(5))),
        (
            "disk<=5",
            6,
            0,
            none,
            Err(no_disk),
            Err("the image needs a disk of 6 GiB, 5 GiB is what it could have"),
        ),
        (
            "disk<50",
            0,
            50,
            local,
            Err("disk is 50 GiB, `disk<50` is asked for"),
            Err("disk is 50 GiB, `disk<50` is asked for"),
        ),
        ("disk=0", 4, 0, none, Err(no_disk), Ok(Some(10))),
        ("disk=0", 4, 0, local, Ok(None), Ok(None)),
        (
            "disk=0",
            0,
            20,
            local,
            Err("disk is 20 GiB, `disk=0` is asked for"),
            Err("disk is 20 GiB, `disk=0` is asked for"),
        ),
    ] {
        for (rules, expected) in [(&without, &plain), (&with, &volume)] {
            let templates = [of(own, kind)];
            let matches =
                match_templates(&sizing(expression), Some(&image(needs_gib)), &templates, rules).unwrap();
            let verdict = &matches.verdicts[0];
            let result = match verdict.outcome {
                TemplateOutcome::Qualifies { boot_disk_gib, .. } => Ok(boot_disk_gib),
                TemplateOutcome::Fails { .. } => Err(verdict.why()),
            };
            let expected = expected.map_err(str::to_owned);
            assert_eq!(result, expected, "{expression}: image {needs_gib}, own {own} {kind:?}");
        }
    }
    // The volume counts in the rank, and is what `template=` makes as well.
    assert_eq!(why("disk=64", &of(0, none), &with), "chosen, rank 5.125, boots from a volume of 64 GiB");
    let named = [of(0, none)];
    let matches = match_templates(&sizing("template=t,disk=64"), None, &named, &with).unwrap();
    assert_eq!(matches.choice().unwrap().boot_disk_gib, Some(64));
}

#[test]
fn the_image_must_fit_into_memory() {
    let image = Image { min_memory_mib: 2048, ..Image::default() };
    let templates = [template("a", 1, 1024, 10), template("b", 1, 2048, 10)];
    let matches = match_templates(&sizing(""), Some(&image), &templates, &TemplateRules::default()).unwrap();
    assert_eq!(matches.choice().unwrap().template.name, "b");
    assert_eq!(matches.verdicts[1].why(), "the image needs 2048 MiB of memory, it has 1024 MiB");
}

#[test]
fn explained_in_json() {
    let templates = [template("a", 1, 8192, 16), template("b", 2, 1024, 10)];
    let matches = match_templates(&sizing("cpu=1"), None, &templates, &TemplateRules::default()).unwrap();
    assert_eq!(
        serde_json::to_value(matches).unwrap(),
        serde_json::json!({"warning": null, "verdicts": [
            {"id": "id-a", "name": "a", "position": 1, "rank": 3.0, "boot_disk_gib": null, "reasons": []},
            {"id": "id-b", "name": "b", "position": null, "rank": null, "boot_disk_gib": null,
             "reasons": ["cpu is 2, `cpu=1` is asked for"]},
        ]})
    );
}

#[test]
fn options_are_read_strictly() {
    let options: TemplateOptions = serde_json::from_str(r#"{"allow":["a"],"architecture":"arm64"}"#).unwrap();
    assert_eq!((options.architecture, options.boot_disk_gib), (Some(Architecture::Arm64), 10));
    assert!(serde_json::from_str::<TemplateOptions>(r#"{"alow":[]}"#).is_err());
}

prop_compose! {
    fn any_template()(
        name in "[ab]{1,2}",
        vcpus in 1..9_u32,
        memory in 1..9_u64,
        disk_gib in 0..30_u32,
        gpu_count in 0..2_u32,
        is_arm in any::<bool>(),
    ) -> Template {
        let mut made = template(&name, vcpus, memory * 512, disk_gib);
        made.gpu_count = gpu_count;
        made.architecture = if is_arm { Architecture::Arm64 } else { Architecture::Amd64 };
        made
    }
}

proptest! {
    #[test]
    fn the_order_of_the_list_does_not_matter(
        mut templates in proptest::collection::vec(any_template(), 1..10),
        turn in 0..10_usize,
        cpu in 1..9_u32,
    ) {
        for (n, template) in templates.iter_mut().enumerate() {
            template.id = format!("{n}").into();
        }
        let mut turned = templates.clone();
        turned.rotate_left(turn % templates.len());
        let (sizing, all) = (sizing(&format!("cpu>={cpu}")), TemplateRules::default());
        let one = match_templates(&sizing, None, &templates, &all);
        prop_assert_eq!(&one, &match_templates(&sizing, None, &turned, &all));
        // And it is the least of those that do.
        let least = templates.iter().filter(|t| {
            t.vcpus >= cpu && t.gpu_count == 0 && t.architecture == Architecture::Amd64 && t.disk_gib > 0
        }).map(|t| u64::from(t.vcpus) * 8192 + t.memory_mib + u64::from(t.disk_gib) * 512).min();
        let chosen = one.unwrap().choice().ok().map(|choice| {
            let t = choice.template;
            u64::from(t.vcpus) * 8192 + t.memory_mib + u64::from(t.disk_gib) * 512
        });
        prop_assert_eq!(chosen, least);
    }
}

#[test]
fn errors_say_whose_they_are() {
    let error = Error::NoTemplate { nearest: Vec::new() };
    assert_eq!((error.code().as_str(), error.category().name()), ("no-template", "not-found"));
}
