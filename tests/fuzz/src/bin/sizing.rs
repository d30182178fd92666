//! Sizing expressions, and the patterns and names that templates and images are chosen by.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use skywright_sizing::{
    Image, Sizing, Template, TemplateOptions, TemplateRules, match_images, match_templates,
};

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Expression(&'a str),
    Templates { expression: &'a str, pattern: &'a str, templates: Vec<(&'a str, u32, u64, u32, f32)> },
    Images { wanted: &'a str, names: Vec<&'a str> },
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Expression(expression) => try_expression(expression),
    Input::Templates { expression, pattern, templates } => try_templates(expression, pattern, &templates),
    Input::Images { wanted, names } => try_images(wanted, &names),
});

fn try_expression(expression: &str) {
    match expression.parse::<Sizing>() {
        Ok(sizing) => assert_eq!(sizing.to_string().parse::<Sizing>(), Ok(sizing)),
        Err(error) => {
            assert!((1..=expression.chars().count() + 1).contains(&error.column()), "{error}");
            let _ = (error.hint(), error.snippet());
        }
    }
}

fn try_templates(expression: &str, pattern: &str, templates: &[(&str, u32, u64, u32, f32)]) {
    let options =
        TemplateOptions { allow: vec![pattern.to_owned()], boot_volumes: true, ..Default::default() };
    let Ok(rules) = TemplateRules::new(&options) else { return };
    let Ok(sizing) = expression.parse::<Sizing>() else { return };
    let templates: Vec<Template> = templates
        .iter()
        .map(|&(name, vcpus, memory_mib, disk_gib, cpu_ghz)| Template {
            name: name.to_owned(),
            vcpus,
            memory_mib,
            disk_gib,
            cpu_ghz: Some(cpu_ghz),
            ..Template::default()
        })
        .collect();
    if let Ok(matches) = match_templates(&sizing, None, &templates, &rules) {
        assert_eq!(matches.verdicts.len(), templates.len());
        if let Ok(choice) = matches.choice()
            && sizing.template.is_none()
        {
            assert!(sizing.cpu.allows(choice.template.vcpus));
            assert!(
                choice
                    .boot_disk_gib
                    .is_none_or(|gib| sizing.disk_gib.allows(gib) || sizing.disk_gib.allows(0))
            );
        }
    }
}

fn try_images(wanted: &str, names: &[&str]) {
    let images: Vec<Image> =
        names.iter().map(|name| Image { name: (*name).to_owned(), ..Image::default() }).collect();
    let matches = match_images(wanted, &images, None);
    assert_eq!(matches.verdicts.len(), images.len());
    let _ = matches.choice();
}
