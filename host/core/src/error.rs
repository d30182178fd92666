//! Why the broker could not do what was asked.

use std::path::PathBuf;

use skywright_contract::{Blame, Category};

use crate::config::Place;

/// Why the broker could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Pages of a listing go in a circle, or never end.
    #[error("the listing of {what} does not end")]
    EndlessListing {
        /// What was listed.
        what: &'static str,
    },
    /// A resource of that name is there already.
    #[error("there is a {kind} `{name}` already")]
    Exists {
        /// The kind of resource.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The operation that is making it, if one is.
        operation: Option<String>,
    },
    /// Something else still uses it.
    #[error("the {kind} `{name}` is in use by {by}")]
    InUse {
        /// The kind of resource.
        kind: &'static str,
        /// Its name.
        name: String,
        /// By what.
        by: String,
    },
    /// A feature, or a run of one.
    #[error(transparent)]
    Feature(Box<crate::feature::Fault>),
    /// A host's first boot did not come to its end.
    #[error("the first boot of {host}: {why}")]
    FirstBoot {
        /// The host.
        host: String,
        /// What its console says.
        why: String,
    },
    /// Something on a host is used by others, as far as the host tells.
    #[error("{what} on {host}: it is in use by {by}")]
    Busy {
        /// What was tried.
        what: String,
        /// Where.
        host: String,
        /// By what.
        by: String,
    },
    /// A host did not do as told.
    #[error("{what} on {host}: {why}")]
    OnHost {
        /// What was tried.
        what: String,
        /// Where.
        host: String,
        /// What it said last.
        why: String,
    },
    /// A defect.
    #[error("internal error: {0}")]
    Internal(String),
    /// An argument that makes no sense.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// A host could not be reached by SSH, or did not do as told.
    #[error("{error}")]
    Ssh {
        /// What went wrong.
        error: Box<skywright_ssh::Error>,
        /// The host, if it has no public address and no gateway: from outside its network nothing leads to it.
        inside: Option<String>,
    },
    /// This machine's own hosts could not be had.
    #[error(transparent)]
    Machines(#[from] skywright_machines::Error),
    /// Objects could not be moved, or the store not be reached.
    #[error(transparent)]
    Objects(Box<skywright_objects::Error>),
    /// What an operation did cannot be taken back.
    #[error("`{title}` cannot be taken back")]
    Irreversible {
        /// The operation.
        id: String,
        /// What it was.
        title: String,
    },
    /// Some of what an operation made could not be taken back.
    #[error("{}not everything could be taken back: {}", failed(source.as_deref()), left.join("; "))]
    Left {
        /// The operation.
        id: String,
        /// What is left, and why.
        left: Vec<String>,
        /// Why it was taken back.
        source: Option<Box<Error>>,
    },
    /// A name that means something else somewhere.
    #[error("`{text}` is no name: letters, digits, `-`, `_` and `.`, a letter or digit first, 63 at most")]
    Name {
        /// What was given.
        text: String,
    },
    /// No resource of that name.
    #[error("there is no {kind} `{name}`")]
    NoSuch {
        /// The kind of resource.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// Which there are.
        known: Vec<String>,
    },
    /// The tenant's own rules are against it.
    #[error("{what} is not allowed in this tenant")]
    NotAllowed {
        /// What.
        what: String,
        /// Which rule, and what can be done instead.
        hint: String,
    },
    /// It is still being made, or was not made to the end.
    #[error("the {kind} `{name}` is not ready")]
    NotReady {
        /// The kind of resource.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The operation that is making it.
        operation: Option<String>,
    },
    /// A plan of another release.
    #[error("the operation {id} was planned by another release, and this one cannot read it")]
    OldPlan {
        /// The operation.
        id: String,
    },
    /// Nothing is left to be done about an operation.
    #[error("the operation {id} is {phase}")]
    Over {
        /// The operation.
        id: String,
        /// How it ended.
        phase: &'static str,
    },
    /// No template or image, or a sizing that is none.
    #[error(transparent)]
    Sizing(#[from] skywright_sizing::Error),
    /// The state could not be read or written, or somebody holds what is needed.
    #[error(transparent)]
    State(#[from] skywright_state::Error),
    /// The user stopped it.
    #[error("stopped")]
    Stopped,
    /// It failed, and what it had made was taken back.
    #[error("{0}")]
    TakenBack(#[source] Box<Error>),
    /// A change took longer than changes may.
    #[error("it took more than {} min: {what}", limit.as_secs() / 60)]
    TooLong {
        /// What was waited for.
        what: String,
        /// How long.
        limit: std::time::Duration,
    },
    /// The cloud, or its driver, cannot do it.
    #[error("{what} is not supported here")]
    Unsupported {
        /// What.
        what: String,
        /// What can be done instead.
        hint: Option<String>,
    },
    /// A configuration file is wrong.
    #[error("{place}: {reason}")]
    Config {
        /// The file, line, column and keys.
        place: Place,
        /// What was expected; never what was found.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A grant that is not one: a pattern, a CIDR, a CA file.
    #[error("{what} grants nothing: {reason}")]
    Grant {
        /// Which grant, such as "endpoint `identity` of the plugin".
        what: String,
        /// Why.
        reason: String,
    },
    /// No folder to keep anything in.
    #[error("no home folder: neither SKYWRIGHT_HOME nor HOME is an absolute path")]
    NoHome,
    /// The registry could not give the plugin.
    #[error(transparent)]
    Registry(#[from] skywright_registry::Error),
    /// The plugin could not be loaded, or its call failed.
    #[error(transparent)]
    Runtime(#[from] skywright_runtime::Error),
    /// A secret could not be had from where it is kept.
    #[error("secret `{name}`: {reason}")]
    Secret {
        /// Its name.
        name: String,
        /// Why; never the secret.
        reason: String,
    },
    /// A setting does not fit what the plugin declares.
    #[error("{}: {reason}", place.as_ref().map_or_else(|| format!("setting `{key}`"), ToString::to_string))]
    Setting {
        /// Its key.
        key: String,
        /// What was expected; never what was found.
        reason: String,
        /// Where it stands, or ought to, if it is of a file.
        place: Option<Place>,
    },
    /// No tenant of that name.
    #[error("there is no tenant `{name}`")]
    NoTenant {
        /// What was asked for.
        name: String,
        /// Which there are.
        known: Vec<String>,
        /// The file that was read.
        path: PathBuf,
    },
    /// A tenant of that name is there already.
    #[error("there is a tenant `{name}` already")]
    TenantExists {
        /// Its name.
        name: String,
        /// The file that it is in.
        path: PathBuf,
    },
    /// A command needs a tenant, and nothing says which.
    #[error("no tenant is chosen")]
    NoTenantChosen {
        /// Which there are.
        known: Vec<String>,
        /// The file that was read.
        path: PathBuf,
    },
}

impl Error {
    /// What kind of failure it was.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::EndlessListing { .. } | Self::Internal(_) => Category::Internal,
            Self::Exists { .. } => Category::AlreadyExists,
            Self::Feature(fault) => fault.category(),
            Self::InUse { .. } | Self::Busy { .. } => Category::InUse,
            Self::Invalid { .. } | Self::Name { .. } => Category::InvalidRequest,
            Self::Irreversible { .. } | Self::Unsupported { .. } => Category::Unsupported,
            Self::Left { source, .. } => source.as_ref().map_or(Category::Other, |error| error.category()),
            Self::NoSuch { .. } => Category::NotFound,
            Self::NotAllowed { .. } => Category::Forbidden,
            Self::NotReady { .. } | Self::OldPlan { .. } | Self::Over { .. } => Category::Conflict,
            Self::Sizing(error) => error.category(),
            Self::State(error) => error.category(),
            Self::Stopped => Category::Cancelled,
            Self::TakenBack(error) => error.category(),
            Self::TooLong { .. } => Category::Timeout,
            Self::Objects(error) => error.category(),
            Self::Ssh { error, .. } => error.category(),
            Self::Machines(error) => error.category(),
            Self::FirstBoot { .. } | Self::OnHost { .. } => Category::Other,
            Self::Registry(error) => error.category(),
            Self::Runtime(error) => error.category(),
            Self::NoTenant { .. } => Category::NotFound,
            Self::TenantExists { .. } => Category::AlreadyExists,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Category::NotFound,
            Self::File { .. } => Category::Unavailable,
            Self::Config { .. }
            | Self::Grant { .. }
            | Self::NoHome
            | Self::NoTenantChosen { .. }
            | Self::Secret { .. }
            | Self::Setting { .. } => Category::InvalidRequest,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::EndlessListing { .. } => Blame::Plugin,
            Self::Internal(_) => Blame::Host,
            Self::Left { source: Some(error), .. } | Self::TakenBack(error) => error.blame(),
            Self::Sizing(error) => error.blame(),
            Self::State(error) => error.blame(),
            Self::TooLong { .. } => Blame::Cloud,
            Self::Feature(fault) => fault.blame(),
            Self::Objects(error) => error.blame(),
            Self::Ssh { error, .. } => error.blame(),
            Self::Machines(error) => error.blame(),
            Self::FirstBoot { .. } => Blame::Operator,
            Self::Registry(error) => error.blame(),
            Self::Runtime(error) => error.blame(),
            _ => Blame::Operator,
        }
    }

    /// The error's own name, stable for scripts.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::EndlessListing { .. } => "endless-listing".to_owned(),
            Self::Exists { .. } => "exists".to_owned(),
            Self::InUse { .. } | Self::Busy { .. } => "in-use".to_owned(),
            Self::OnHost { .. } => "on-host".to_owned(),
            Self::Internal(_) => "internal".to_owned(),
            Self::Invalid { .. } => "argument".to_owned(),
            Self::Irreversible { .. } => "irreversible".to_owned(),
            Self::Left { .. } => "left-behind".to_owned(),
            Self::Name { .. } => "name".to_owned(),
            Self::NoSuch { kind, .. } => format!("no-{kind}"),
            Self::NotAllowed { .. } => "not-allowed".to_owned(),
            Self::NotReady { .. } => "not-ready".to_owned(),
            Self::OldPlan { .. } => "old-plan".to_owned(),
            Self::Over { .. } => "operation-over".to_owned(),
            Self::Sizing(error) => error.code(),
            Self::State(error) => error.code().to_owned(),
            Self::Stopped => "stopped".to_owned(),
            Self::TakenBack(error) => error.code(),
            Self::TooLong { .. } => "too-long".to_owned(),
            Self::Unsupported { .. } => "unsupported".to_owned(),
            Self::Config { .. } => "config".to_owned(),
            Self::File { .. } => "file".to_owned(),
            Self::Grant { .. } => "grant".to_owned(),
            Self::NoHome => "no-home".to_owned(),
            Self::NoTenant { .. } => "no-tenant".to_owned(),
            Self::NoTenantChosen { .. } => "no-tenant-chosen".to_owned(),
            Self::TenantExists { .. } => "tenant-exists".to_owned(),
            Self::Objects(error) => error.code().to_owned(),
            Self::Ssh { error, .. } => error.code().to_owned(),
            Self::Feature(fault) => fault.code().to_owned(),
            Self::Machines(error) => error.code().to_owned(),
            Self::FirstBoot { .. } => "first-boot".to_owned(),
            Self::Registry(error) => error.code().to_owned(),
            Self::Runtime(error) => error.code(),
            Self::Secret { .. } => "secret".to_owned(),
            Self::Setting { .. } => "setting".to_owned(),
        }
    }

    /// Whether what was done before it is not taken back.
    pub(crate) fn leaves_what_was_done(&self) -> bool {
        matches!(self, Self::Feature(fault) if fault.stays())
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { operation: Some(id), .. } | Self::NotReady { operation: Some(id), .. } => {
                Some(format!(
                    "the operation {id} is making it: `skywright operation resume {id}` goes on, `abort` takes it back"
                ))
            }
            Self::Irreversible { id, .. } => Some(format!(
                "`skywright operation resume {id}` goes on with it; `skywright operation forget {id}` settles it as it is"
            )),
            Self::Left { id, .. } => Some(format!(
                "`skywright operation abort {id}` tries again; `skywright operation forget {id}` gives it up"
            )),
            Self::NoSuch { known, .. } if !known.is_empty() => Some(some_of(known)),
            Self::OldPlan { id } => Some(format!(
                "go on with the release that made it, or settle it with `skywright operation forget {id}`"
            )),
            Self::Sizing(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::TakenBack(error) => match error.hint() {
                Some(hint) => Some(format!("{hint}; what had been made was taken back")),
                None => Some("what had been made was taken back".to_owned()),
            },
            Self::NotAllowed { hint, .. } => Some(hint.clone()),
            Self::Unsupported { hint, .. } => hint.clone(),
            Self::Objects(error) => error.hint(),
            Self::Ssh { error, inside: Some(host) } if error.is_unreachable() => Some(format!(
                "`{host}` has no public address and its subnet no gateway, so only its own network leads to it; \
                 `skywright address bind ADDRESS {host}` gives it one"
            )),
            Self::Ssh { error, .. } => error.hint(),
            Self::Feature(fault) => fault.hint(),
            Self::Machines(error) => error.hint(),
            Self::FirstBoot { .. } => Some(
                "with --keep-on-failure the host stays: `skywright host console` shows more, and so does \
                 /var/log/skywright/bootstrap.log on it"
                    .to_owned(),
            ),
            Self::Registry(error) => error.hint(),
            Self::Runtime(error) => error.hint(),
            Self::NoTenant { known, path, .. } | Self::NoTenantChosen { known, path } if known.is_empty() => {
                Some(format!("{} has no tenants yet", path.display()))
            }
            Self::TenantExists { path, .. } => {
                Some(format!("--replace puts another in its place in {}", path.display()))
            }
            Self::NoTenantChosen { known, .. } => Some(format!(
                "say --tenant NAME, set SKYWRIGHT_TENANT, or run `skywright tenant set NAME`; there are: {}",
                known.join(", ")
            )),
            Self::NoTenant { known, .. } => Some(format!("there are: {}", known.join(", "))),
            Self::Setting { .. } => {
                Some("`skywright plugin inspect PLUGIN` lists the settings that it declares".to_owned())
            }
            _ => None,
        }
    }
}

impl From<skywright_config::Error> for Error {
    fn from(error: skywright_config::Error) -> Self {
        match error {
            skywright_config::Error::File { action, path, source } => Self::File { action, path, source },
            skywright_config::Error::Wrong { place, reason } => Self::Config { place, reason },
        }
    }
}

impl From<skywright_files::Error> for Error {
    fn from(error: skywright_files::Error) -> Self {
        Self::File { action: error.action, path: error.path, source: error.source }
    }
}

impl From<skywright_objects::Error> for Error {
    fn from(error: skywright_objects::Error) -> Self {
        Self::Objects(Box::new(error))
    }
}

impl From<skywright_ssh::Error> for Error {
    fn from(error: skywright_ssh::Error) -> Self {
        Self::Ssh { error: Box::new(error), inside: None }
    }
}

/// The failure in front of what is left of it.
fn failed(source: Option<&Error>) -> String {
    source.map(|error| format!("{error}; ")).unwrap_or_default()
}

/// The first of many names.
fn some_of(known: &[String]) -> String {
    const MOST: usize = 12;
    let more = match known.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("there are: {}{more}", known.iter().take(MOST).cloned().collect::<Vec<_>>().join(", "))
}
