//! The component's exports.

use skywright_recipe_format::Bundle;
use skywright_recipe_format::plan::FeatureInfo;
use skywright_sdk::recipe::{FeatureInfo as WitFeatureInfo, Plan, Request};
use skywright_sdk::{Category, Diagnostic, Error, Recipe};

use crate::{Refusal, convert, slot};

/// The feature that a recipe becomes.
#[derive(Debug)]
pub struct Interpreter;

skywright_sdk::feature!(Interpreter);

impl Recipe for Interpreter {
    fn describe() -> WitFeatureInfo {
        let info = match bundle() {
            Ok(bundle) => bundle.recipe.describe(),
            Err(refusal) => nothing(&refusal),
        };
        convert::info(info)
    }

    fn validate(request: Request) -> Vec<Diagnostic> {
        match bundle() {
            Ok(bundle) => {
                let findings = crate::validate(&bundle, &convert::request(request));
                findings.into_iter().map(|finding| Diagnostic::error(finding.path, finding.message)).collect()
            }
            Err(refusal) => {
                let diagnostic = Diagnostic::error("", refusal.to_string());
                vec![match refusal.hint() {
                    Some(hint) => diagnostic.with_detail(hint),
                    None => diagnostic,
                }]
            }
        }
    }

    fn next(request: Request) -> Result<Plan, Error> {
        let planned = bundle().and_then(|bundle| crate::next(&bundle, &convert::request(request)));
        planned.map(convert::plan).map_err(|refusal| error(&refusal))
    }
}

fn bundle() -> Result<Bundle, Refusal> {
    let json = slot::read().ok_or(Refusal::NoRecipe)?;
    Ok(Bundle::from_json(&json)?)
}

fn error(refusal: &Refusal) -> Error {
    let category = match refusal {
        Refusal::NoAction(_) | Refusal::NoRecipe => Category::Unsupported,
        Refusal::TooMuch { .. } | Refusal::TooLong { .. } => Category::Quota,
        _ => Category::InvalidRequest,
    };
    let error = Error::new(category, refusal.code(), refusal.to_string());
    match refusal.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// What the interpreter says of itself where a recipe should be.
fn nothing(refusal: &Refusal) -> FeatureInfo {
    FeatureInfo {
        name: "recipe-interpreter".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: "The interpreter of recipes".to_owned(),
        description: refusal.to_string(),
        suitable_for: Vec::new(),
        cluster_flavors: Vec::new(),
        platforms: Vec::new(),
        requires: Vec::new(),
        conflicts: Vec::new(),
        roles: Vec::new(),
        layouts: Vec::new(),
        parameters: Vec::new(),
        outputs: Vec::new(),
        idempotence: skywright_recipe_format::Idempotence::Once,
        actions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_recipe_it_says_so() {
        let info = Interpreter::describe();
        assert_eq!((info.name.as_str(), info.actions.len()), ("recipe-interpreter", 0));
        assert!(info.description.contains("no recipe"), "{}", info.description);
    }
}
