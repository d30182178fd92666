//! A recipe asked for its plan as hosts will have it: built into the interpreter, inside the sandbox.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use skywright_core::Host;
use skywright_recipe::{Error as RecipeError, Feature, Planner, Refused, Source};
use skywright_recipe_format::Finding;
use skywright_recipe_format::plan::{Plan, Request};
use skywright_runtime::{Error as RuntimeError, Plugin, Session};
use tokio::runtime::Handle;

use super::args::Recipe;
use crate::args::Sandbox;
use crate::error::Error;
use crate::plugin::host;

/// A recipe that was built, and what it was built of.
pub(super) struct Built {
    pub(super) source: Source,
    pub(super) feature: Feature,
    /// The interpreter's bill of materials, if it has one.
    pub(super) bill: Option<Vec<u8>>,
}

/// The feature that a recipe is, in memory. The interpreter is held to the same rules of trust as every plugin.
pub(super) fn build(host: &Host, recipe: &Recipe) -> Result<Built, Error> {
    let source = Source::read(&recipe.dir)?;
    let interpreter = host.installed().load(&recipe.interpreter, Timestamp::now())?;
    let feature = skywright_recipe::build(&interpreter.bytes, &source.bundle)?;
    let bill = host.installed().bill_of(&interpreter)?;
    Ok(Built { source, feature, bill })
}

/// Does something with a recipe that asks it, on a thread that may wait.
pub(super) async fn with_planner<T: Send + 'static>(
    recipe: Recipe,
    sandbox: &Sandbox,
    ask: impl FnOnce(&Source, &mut dyn Planner) -> Result<T, RecipeError> + Send + 'static,
) -> Result<T, Error> {
    let host = host(sandbox, false)?;
    let Built { source, feature, .. } = build(&host, &recipe)?;
    let plugin = host.load_built(&feature.bytes).await?;
    let session = host.bare_session()?;
    let mut planner = Sandboxed { plugin, session, handle: Handle::current() };
    let asked = tokio::task::spawn_blocking(move || ask(&source, &mut planner)).await;
    let asked = asked.map_err(|error| RecipeError::Planner(error.to_string()))?;
    Ok(asked?)
}

struct Sandboxed {
    plugin: Plugin,
    session: Arc<Session>,
    handle: Handle,
}

impl Sandboxed {
    /// One call, in an instance of its own.
    fn call(&self, function: &str, request: &Request) -> Result<Value, RuntimeError> {
        self.handle.block_on(async {
            let function = self.plugin.function(function)?;
            let argument = serde_json::to_value(request).unwrap_or_default();
            self.plugin.instantiate(&self.session).await?.call_json(function, &[argument]).await
        })
    }
}

/// A finding, as the contract's diagnostics are in JSON.
#[derive(serde::Deserialize)]
struct Diagnostic {
    path: String,
    summary: String,
}

impl Planner for Sandboxed {
    fn validate(&mut self, request: &Request) -> Result<Vec<Finding>, RecipeError> {
        let answer =
            self.call("recipe.validate", request).map_err(|error| RecipeError::Planner(error.to_string()))?;
        let diagnostics: Vec<Diagnostic> = serde_json::from_value(answer).map_err(not_understood)?;
        Ok(diagnostics.into_iter().map(|found| Finding::new(found.path, found.summary)).collect())
    }

    fn next(&mut self, request: &Request) -> Result<Result<Plan, Refused>, RecipeError> {
        match self.call("recipe.next", request) {
            Ok(answer) => Ok(Ok(serde_json::from_value(answer).map_err(not_understood)?)),
            Err(RuntimeError::Guest(error)) => {
                let error = *error;
                Ok(Err(Refused { code: error.code, message: error.message, hint: error.hint }))
            }
            // A limit or a trap is the recipe's doing: templates are what runs there.
            Err(error) => Ok(Err(Refused {
                code: "sandbox".to_owned(),
                message: error.to_string(),
                hint: error.hint(),
            })),
        }
    }
}

fn not_understood(error: serde_json::Error) -> RecipeError {
    RecipeError::Planner(format!("its answer is not understood: {error}"))
}
