//! Arguments of `skywright feature plan|check|add|remove|upgrade|status|history`.

use std::path::PathBuf;

use clap::Args;
use skywright_core::feature::{Given, TargetSpec};

use super::args::ActionName;
use crate::site::Yes;

/// Where.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// Hosts, and the parts that they play: `a`, `a,b`, or `a:manager,b:worker`; several parts are joined by `+`. Where
    /// the feature is by default, if that is one place.
    #[arg(long, value_name = "HOSTS")]
    pub(crate) on: Option<TargetSpec>,
}

/// What it is told.
#[derive(Debug, Args)]
pub(crate) struct Parameters {
    /// A parameter; given again, a further value of a list. FEATURE is for what is added on the way. A secret is named
    /// by where it is kept: env:NAME, file:PATH, command:PROGRAM or keyring:NAME.
    #[arg(long = "param", short = 'p', value_name = "[FEATURE:]NAME=VALUE", value_parser = given)]
    pub(crate) given: Vec<Given>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Its name or id.
    pub(crate) feature: String,
    /// What would be done.
    #[arg(long, value_enum, default_value_t = ActionName::Add)]
    pub(crate) action: ActionName,
    #[command(flatten)]
    pub(crate) target: Where,
    #[command(flatten)]
    pub(crate) parameters: Parameters,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Its name or id.
    pub(crate) feature: String,
    #[command(flatten)]
    pub(crate) target: Where,
    #[command(flatten)]
    pub(crate) parameters: Parameters,
}

#[derive(Debug, Args)]
pub(crate) struct Change {
    /// Its name or id.
    #[arg(required_unless_present = "plan")]
    pub(crate) feature: Option<String>,
    #[command(flatten)]
    pub(crate) target: Where,
    #[command(flatten)]
    pub(crate) parameters: Parameters,
    /// Run exactly what `feature plan -o json` said; refused if hosts, feature or parameters have changed since.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["feature", "on"])]
    pub(crate) plan: Option<PathBuf>,
    /// Leave what was done if it fails, to look at it.
    #[arg(long)]
    pub(crate) keep_on_failure: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// Its name or id.
    pub(crate) feature: String,
    #[command(flatten)]
    pub(crate) target: Where,
    #[command(flatten)]
    pub(crate) parameters: Parameters,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Its name or id.
    pub(crate) feature: String,
    #[command(flatten)]
    pub(crate) target: Where,
    /// Its secret outputs as well.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Its name or id; all features by default.
    pub(crate) feature: Option<String>,
}

/// `name=value` or `feature:name=value`. What is wrong is said without the value.
fn given(text: &str) -> Result<Given, String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, or FEATURE:NAME=VALUE")?;
    let (feature, name) = match name.split_once(':') {
        Some((feature, name)) => (Some(feature.to_owned()), name),
        None => (None, name),
    };
    if name.is_empty() || feature.as_ref().is_some_and(String::is_empty) {
        return Err("expected NAME=VALUE, or FEATURE:NAME=VALUE".to_owned());
    }
    Ok(Given { feature, name: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_names_its_feature_or_none() {
        let own = |text| given(text).map(|own| (own.feature, own.name, own.value));
        assert_eq!(own("a=b=c:d"), Ok((None, "a".to_owned(), "b=c:d".to_owned())));
        assert_eq!(own("f:a="), Ok((Some("f".to_owned()), "a".to_owned(), String::new())));
        for bad in ["a", "=b", ":a=b", "f:=b", ""] {
            assert!(own(bad).is_err(), "{bad}");
        }
    }
}
