//! The recipe format: what `recipe.yaml` can say ([`Recipe`]), what is wrong with it beyond its types
//! ([`Recipe::findings`]), and the contract's plan as data ([`plan`]).
//!
//! Nothing here reads a file, a clock or an environment: the same crate is in the interpreter, inside the
//! sandbox, and in the host. As JSON, [`plan`] is what `skywright plugin call` takes and prints.

mod bundle;
mod describe;
mod finding;
mod graph;
pub mod limits;
mod name;
mod parameter;
pub mod plan;
mod platform;
mod ports;
mod recipe;
mod rule;
mod step;
mod texts;
mod validate;
mod work;

pub use bundle::{Bundle, BundleError};
pub use finding::Finding;
pub use name::{is_environment_name, is_name, is_template_name};
pub use parameter::{DefaultValue, Parameter, ParameterKind, ValueFault};
pub use platform::{Family, Layout, Platform, Requirement, Role};
pub use ports::{PortFault, parse_ports};
pub use recipe::{Action, Endpoint, Idempotence, Output, Recipe, Suitability, Summary};
pub use rule::{FirewallRule, PublishRule};
pub use step::{OnFailure, OutputRef, OutputRefFault, Step, StepOutput, TargetCount, Targets};
pub use texts::{Text, Visit};
pub use work::{
    File, Firewall, OutputName, PackageSource, Packages, Publish, Script, SecretName, Service, SourceKind,
    Value, Wait, Work,
};

/// The format's version that this crate reads: the value of the key `recipe`.
pub const FORMAT_VERSION: u32 = 1;

/// The JSON Schema of `recipe.yaml`, as it is published: pretty-printed, with a line end.
#[cfg(feature = "schema")]
#[must_use]
pub fn json_schema() -> String {
    let mut schema = schemars::schema_for!(Recipe);
    schema.insert("title".to_owned(), "Skywright recipe".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
