use proptest::prelude::*;

use super::*;

fn sizing(expression: &str) -> Sizing {
    expression.parse().unwrap_or_else(|error: SyntaxError| panic!("{error}\n{}", error.snippet()))
}

fn fault(expression: &str) -> SyntaxError {
    match expression.parse::<Sizing>() {
        Ok(sizing) => panic!("{expression}: was read as {sizing:?}"),
        Err(error) => error,
    }
}

#[test]
fn every_operator_is_read_and_written() {
    for (expression, canonical) in [
        ("", ""),
        (" \t", ""),
        ("cpu=4", "cpu=4"),
        ("cpu~4", "cpu=[4-8]"),
        ("cpu<4", "cpu<4"),
        ("cpu <= 4", "cpu<=4"),
        ("CPU>4", "cpu>4"),
        ("cpu >=4", "cpu>=4"),
        ("cpu lt 4", "cpu<4"),
        ("cpu LE 4", "cpu<=4"),
        ("cpu gt4", "cpu>4"),
        ("cpu ge 4", "cpu>=4"),
        ("cpu = [ 2 - 4 ]", "cpu=[2-4]"),
        ("cpu=[4-4]", "cpu=4"),
        ("ram=[7-16.50]", "ram=[7-16.5]"),
        ("ram~0.75", "ram=[0.75-1.5]"),
        ("ram<0.001", "ram<0.001"),
        ("cpufreq>=2.4", "cpufreq>=2.4"),
        ("gpu=0", "gpu=0"),
        ("gpu=-1", ""),
        ("gpu = -1 , cpu=1", "cpu=1"),
        ("gpu>=0", "gpu>=0"),
        ("disk=0", "disk=0"),
        ("count=0", "count=0"),
        ("count=3,disk>=50,ram=8,cpu=2", "cpu=2,ram=8,disk>=50,count=3"),
        ("template=SCS-2V-4-20s", "template=SCS-2V-4-20s"),
        ("template=\"!x\"", "template=\"!x\""),
        ("template = VPS 2 ,cpu=1", "cpu=1,template=VPS 2"),
        ("template=\"a, \\\"b\\\" \\\\\"", "template=\"a, \\\"b\\\" \\\\\""),
    ] {
        assert_eq!(sizing(expression).to_string(), canonical, "{expression}");
    }
    assert_eq!(sizing("template=\"a, \\\"b\\\"\"").template.as_deref(), Some("a, \"b\""));
}

#[test]
fn each_mistake_is_told_where_it_is() {
    for (expression, column, message, hint) in [
        ("cpus=4", 1, "there is no key `cpus`", "did you mean `cpu` or `gpu`?"),
        ("cpu=2, bandwidth>3", 8, "there is no key `bandwidth`", "there are: cpu, ram, disk"),
        ("cpu>=2,cpu<=4", 8, "`cpu` is there already, in column 1", "write `cpu=[a-b]`"),
        ("count=2,count=2", 9, "`count` is there already, in column 1", "give `count` once"),
        ("cpu", 4, "the term ends where an operator is expected", ""),
        ("cpu=", 5, "the term ends where a number is expected", ""),
        ("cpu=,ram=2", 5, "the term ends where a number is expected", ""),
        ("cpu=2,", 7, "the term ends where a key is expected", ""),
        (",cpu=2", 1, "the term ends where a key is expected", ""),
        ("cpu=2,,ram=2", 7, "the term ends where a key is expected", ""),
        ("=4", 1, "found `=` where a key is expected", ""),
        ("cpu 4", 5, "found `4` where an operator is expected", ""),
        ("cpu==4", 4, "found `==` where an operator is expected", "the operators are"),
        ("cpu=>4", 4, "found `=>` where an operator is expected", "the operators are"),
        ("cpu eq 4", 5, "found `eq` where an operator is expected", ""),
        ("cpu=four", 5, "found `four` where a number is expected", ""),
        ("cpu=4 8", 7, "found `8` where `,` or the end is expected", ""),
        ("cpu=4;ram=8", 6, "found `;` where `,` or the end is expected", ""),
        ("ram=4GB", 6, "found `GB` where `,` or the end is expected", "numbers have no unit"),
        ("ram=.5", 5, "found `.` where a number is expected", ""),
        ("ram=5.", 7, "the term ends where a digit is expected", ""),
        ("ram=1e3", 6, "found `e3` where `,` or the end is expected", ""),
        ("é=4", 1, "there is no key `é`", "there are"),
        ("cpu=[8-4]", 5, "the interval from 8 to 4 is empty", "`[4-8]`"),
        ("cpu=[2,4]", 7, "the term ends where `-` is expected", ""),
        ("cpu=[2-4", 9, "the term ends where `]` is expected", ""),
        ("cpu>=[2-4]", 6, "`cpu>=` takes one number, not an interval", "write `cpu=[a-b]`"),
        ("count=[2-4]", 7, "`count=` takes one number, not an interval", "count=3"),
        ("cpu=-2", 5, "`cpu` cannot be negative", ""),
        ("cpu=[-2-4]", 6, "`cpu` cannot be negative", ""),
        ("gpu=-2", 5, "`gpu` cannot be negative", "`gpu=0` asks for no GPU"),
        ("gpu>=-1", 6, "`gpu` cannot be negative", "leave `gpu` out"),
        ("gpu=-1.5", 5, "`gpu` cannot be negative", "leave `gpu` out"),
        ("cpu=2.5", 5, "`cpu` takes whole numbers", ""),
        ("disk=2.0", 6, "`disk` takes whole numbers", "whole GiB"),
        ("ram=0.0625", 5, "more than three decimals", ""),
        ("count>=2", 6, "`count` takes `=` alone, not `>=`", ""),
        ("count~2", 6, "`count` takes `=` alone, not `~`", ""),
        ("template lt x", 10, "`template` takes `=` alone, not `<`", ""),
        ("template=", 10, "the term ends where a template's name is expected", ""),
        ("template=,cpu=1", 10, "the term ends where a template's name is expected", ""),
        ("template=[a-b]", 10, "found `[` where a template's name is expected", ""),
        ("template=\"\"", 10, "the term ends where a template's name is expected", ""),
        ("template=\"x", 10, "the quotes are not closed", ""),
        ("template=\"x\\n\"", 13, "found `n` where `\"` or `\\` after `\\` is expected", ""),
        ("cpu=4294967296", 5, "the number is too large: the largest is 4294967295", ""),
        ("cpu=99999999999999999999", 5, "the number is too large", ""),
        ("cpu~3000000000", 5, "the number is too large", ""),
        ("ram~3000000000.5", 5, "the number is too large", ""),
        ("cpu<1", 5, "no machine has `cpu<1`", ""),
        ("cpu=0", 5, "no machine has `cpu=0`", ""),
        ("cpu~0", 5, "no machine has `cpu=0`", ""),
        ("ram<=0", 6, "no machine has `ram<=0`", ""),
        ("disk<0", 6, "no machine has `disk<0`", ""),
        ("gpu>4294967295", 5, "no machine has `gpu>4294967295`", ""),
    ] {
        let error = fault(expression);
        assert_eq!(error.column(), column, "{expression}: {error}");
        assert!(error.problem().to_string().contains(message), "{expression}: {error}");
        let said = error.hint().unwrap_or_default();
        assert!(said.contains(hint) && said.is_empty() == hint.is_empty(), "{expression}: {said}");
    }
}

#[test]
fn the_snippet_points_by_character() {
    let error = fault("template=größe, cpu=[8-4]");
    assert_eq!(error.snippet(), "template=größe, cpu=[8-4]\n                    ^^^^^");
    assert_eq!(fault("cpu=").snippet(), "cpu=\n    ^");
    assert_eq!(fault("cpu\n=\tx").snippet(), "cpu = x\n      ^");
}

#[test]
fn a_gpu_is_wanted_only_where_it_is_asked_for() {
    for (expression, wanted) in [
        ("", false),
        ("gpu=0", false),
        ("gpu<1", false),
        ("gpu<=0", false),
        ("gpu>=0", true),
        ("gpu<2", true),
        ("gpu=[0-1]", true),
        ("gpu>0", true),
        ("gpu=1", true),
    ] {
        assert_eq!(sizing(expression).wants_gpu(), wanted, "{expression}");
    }
}

#[test]
fn json_is_the_expression() {
    let json = serde_json::to_string(&sizing("cpu ~ 2")).unwrap();
    assert_eq!(json, "\"cpu=[2-4]\"");
    assert_eq!(serde_json::from_str::<Sizing>(&json).unwrap(), sizing("cpu=[2-4]"));
    assert!(serde_json::from_str::<Sizing>("\"cpu\"").unwrap_err().to_string().contains("column 4"));
}

fn bounds<T: Copy + Ord + fmt::Debug + 'static>(
    values: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = Bounds<T>> {
    prop_oneof![
        Just(Bounds::Any),
        values.clone().prop_map(Bounds::AtLeast),
        values.clone().prop_map(Bounds::MoreThan),
        values.clone().prop_map(Bounds::AtMost),
        values.clone().prop_map(Bounds::LessThan),
        (values.clone(), values).prop_map(|(a, b)| Bounds::Between { minimum: a.min(b), maximum: a.max(b) }),
    ]
}

prop_compose! {
    fn any_sizing()(
        cpu in bounds(2..u32::MAX),
        ram_gib in bounds((1..4_294_967_295_000_u64).prop_map(Thousandths::new)),
        disk_gib in bounds(1..u32::MAX),
        gpu in bounds(1..u32::MAX),
        cpu_ghz in bounds((1..9_999_u64).prop_map(Thousandths::new)),
        count in proptest::option::of(any::<u32>()),
        template in proptest::option::of("(.|[ ,\"\\\\=\t\n]){1,12}"),
    ) -> Sizing {
        Sizing { cpu, ram_gib, disk_gib, gpu, cpu_ghz, count, template }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(sizing in any_sizing()) {
        prop_assert_eq!(sizing.to_string().parse::<Sizing>(), Ok(sizing));
    }

    #[test]
    fn any_text_is_borne(text in "(cpu|ram|disk|gpu|count|template|cpufreq|=|~|<|>|\\[|-|\\]|,|\"|[0-9]|\\.| |.){0,12}") {
        match text.parse::<Sizing>() {
            Ok(sizing) => {
                prop_assert_eq!(sizing.to_string().parse::<Sizing>(), Ok(sizing));
            }
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column()));
                let _ = (error.to_string(), error.hint(), error.snippet());
            }
        }
    }
}
