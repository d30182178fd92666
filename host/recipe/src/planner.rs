//! Whoever asks a recipe for its plan.

use serde::Serialize;
use skywright_recipe_format::Finding;
use skywright_recipe_format::plan::{Plan, Request};

use crate::Error;

/// Asks one recipe: in the product the built component, inside the sandbox; in tests the interpreter
/// natively. Previewing and linting need one, since templates of others are rendered nowhere else.
pub trait Planner {
    /// What is wrong with a request.
    ///
    /// # Errors
    ///
    /// [`Error::Planner`] if it could not be asked.
    fn validate(&mut self, request: &Request) -> Result<Vec<Finding>, Error>;

    /// The next round, how it ended, or why there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Planner`] if it could not be asked, a broken limit of the sandbox among others.
    fn next(&mut self, request: &Request) -> Result<Result<Plan, Refused>, Error>;
}

/// Why a recipe has no plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refused {
    /// A stable word for it, such as `template`.
    pub code: String,
    /// What is wrong, with its place in front.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
}
