//! `driver`: what the provider says of itself, its settings, its tokens.

use std::collections::BTreeSet;

use skywright_contract::Category;
use skywright_egress::EndpointPattern;
use skywright_runtime::driver::SettingKind;
use skywright_runtime::provider::Severity;

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};

pub(super) const CHECKS: &[Check] = &[
    check!("driver", "describe-pure", describe_pure, "`describe` sends nothing and always says the same"),
    check!("driver", "declarations", declarations, "settings, endpoints and rates are well formed"),
    check!("driver", "validate-nothing", validate_nothing, "`validate` misses what is required"),
    check!("driver", "validate-own", validate_own, "`validate` finds no error in the tenant's own settings"),
    check!("driver", "capabilities", capabilities, "every region says what it can do"),
    check!("driver", "unknown-token", unknown_token, "a token that is none is refused as `unknown-token`"),
];

async fn describe_pure(context: &Context) -> Result<(), Failure> {
    let before = context.meter.requests();
    let other = context.relaunch(Vec::new()).await?;
    context.unasked("driver.describe", before)?;
    same("driver.describe", context.info(), &other.info)
}

async fn declarations(context: &Context) -> Result<(), Failure> {
    let info = context.info();
    expect(!info.name.is_empty() && !info.title.is_empty(), "name and title", "not empty", &info.title)?;
    let mut keys = BTreeSet::new();
    for setting in &info.settings {
        let what = |part: &str| format!("{part} of the setting `{}`", setting.key);
        expect(keys.insert(setting.key.as_str()), what("the key"), "unique", &setting.key)?;
        let is_choice = setting.kind == SettingKind::Choice;
        expect(
            is_choice != setting.choices.is_empty(),
            what("the choices"),
            "those of a choice",
            &setting.choices,
        )?;
        let known = setting.default.as_ref().is_none_or(|d| !is_choice || setting.choices.contains(d));
        expect(known, what("the default"), "one of its choices", &setting.default)?;
        let secret = setting.kind == SettingKind::Secret && setting.default.is_some();
        expect(!secret, what("the default"), "none, as it is a secret", "one")?;
        expect(!setting.description.is_empty(), what("the description"), "a text", "none")?;
    }
    let mut names = BTreeSet::new();
    for endpoint in &info.endpoints {
        expect(names.insert(&endpoint.name), "an endpoint's name", "unique", &endpoint.name)?;
        let pattern = &endpoint.pattern;
        let read = pattern.contains('{') || pattern.parse::<EndpointPattern>().is_ok();
        expect(read, "an endpoint's pattern", "SCHEME://HOST[:PORT]", pattern)?;
        for key in pattern.split('{').skip(1).filter_map(|rest| rest.split(['}', '.']).next()) {
            expect(keys.contains(key), format!("`{{{key}}}` in a pattern"), "a declared setting", pattern)?;
        }
    }
    let mut buckets = BTreeSet::new();
    for rate in &info.rates {
        expect(buckets.insert(&rate.bucket), "a rate's bucket", "unique", &rate.bucket)?;
    }
    Ok(())
}

async fn validate_nothing(context: &Context) -> Result<(), Failure> {
    let before = context.meter.requests();
    let found = context.ask("driver.validate", |p| p.validate(&[])).await?;
    context.unasked("driver.validate", before)?;
    let errors: Vec<_> = found.iter().filter(|f| f.severity == Severity::Error).collect();
    let required = context.info().settings.iter().filter(|s| s.required && s.default.is_none());
    for setting in required {
        let named = errors.iter().any(|error| error.path == setting.key);
        let what = format!("driver.validate without `{}`, which is required", setting.key);
        expect(named, what, "an error at its path", &errors)?;
    }
    Ok(())
}

async fn validate_own(context: &Context) -> Result<(), Failure> {
    if context.options.settings.is_empty() {
        return Err(Failure::skip("the tenant has no settings"));
    }
    let before = context.meter.requests();
    let found = context.ask("driver.validate", |p| p.validate(&context.options.settings)).await?;
    context.unasked("driver.validate", before)?;
    let errors: Vec<_> = found.iter().filter(|f| f.severity == Severity::Error).collect();
    expect(errors.is_empty(), "driver.validate with the tenant's settings", "no error", &errors)
}

async fn capabilities(context: &Context) -> Result<(), Failure> {
    let own = context.capabilities().await?;
    expect(own.create_parallelism > 0, "create-parallelism", "1 or more", own.create_parallelism)?;
    let regions = context.ask("catalog.regions", |p| p.regions()).await?;
    let region = context.region().await?;
    expect(regions.iter().any(|r| r == region), "catalog.regions", format!("with `{region}`"), &regions)?;
    for region in &regions {
        context.ask("driver.capabilities-of", |p| p.capabilities_of(region)).await?;
    }
    Ok(())
}

async fn unknown_token(context: &Context) -> Result<(), Failure> {
    for token in ["", "cf-no-token", "{}", "\u{0}\u{ffff}", &"x".repeat(100_000)] {
        let poll =
            context.refused_unasked("driver.poll", &[Category::InvalidRequest], |p| p.poll(token)).await?;
        let cancel = context
            .refused_unasked("driver.cancel", &[Category::InvalidRequest], |p| p.cancel(token))
            .await?;
        for error in [poll, cancel] {
            same("the code of a token that is none", &"unknown-token".to_owned(), &error.code)?;
        }
    }
    Ok(())
}
