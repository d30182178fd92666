//! Why a plugin was not found or not read.

use std::path::{Path, PathBuf};

use skywright_contract::{Blame, Category, PackageError};

use crate::tuf::TargetPath;
use crate::tuf::operator::Refusal;

use crate::bundle::BundleProblem;

/// Why a plugin was not found or not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Several plugins have the name.
    #[error("`{name}` is ambiguous: {}", .ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it could be.
        ids: Vec<String>,
    },
    /// The log of decisions is not what was written.
    #[error("{}{}: {reason}", path.display(), at_line(*line))]
    AuditLog {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 if it is not about one.
        line: u64,
        /// How it shows.
        reason: String,
    },
    /// An advisory that cannot be read: whoever relied on the rest might miss what it says.
    #[error("{}: {reason}", path.display())]
    Advisory {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A bundle that is not taken.
    #[error("{}: {problem}", path.display())]
    Bundle {
        /// The bundle.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: BundleProblem,
    },
    /// A bill of materials that cannot be read.
    #[error("{what} is no bill of materials: {reason}")]
    Sbom {
        /// Which.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process holds it.
    #[error("{} is held by another process", path.display())]
    Busy {
        /// What is held.
        path: PathBuf,
    },
    /// Somebody else changed the file since it was read, and is not overwritten.
    #[error("{} was changed by somebody else meanwhile", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are not those that they are kept as.
    #[error("{} was changed: it is {found}, and has to be {expected}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What they have to be.
        expected: skywright_contract::Digest,
        /// What they are.
        found: skywright_contract::Digest,
    },
    /// A folder that others may write to.
    #[error("others may write to {}, so what is in it is anybody's", path.display())]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
    /// It is pinned, and its bytes were not fetched to this machine.
    #[error("{plugin} is pinned and was not fetched yet")]
    NotFetched {
        /// The plugin and its version.
        plugin: String,
    },
    /// Nothing is known of a repository on this machine.
    #[error("nothing of the repository `{name}` was verified on this machine, or that was lost")]
    NotVerified {
        /// The repository.
        name: String,
    },
    /// A repository does not list what is pinned, or does not any more.
    #[error("the repository `{repository}` does not list {path}, or does not any more")]
    NotVouched {
        /// What is pinned.
        path: String,
        /// The repository.
        repository: String,
    },
    /// What repositories say of a pinned plugin is not what the lock file says.
    #[error("what is published as {id} is not what the lock file pins")]
    LockDiffers {
        /// The plugin.
        id: String,
    },
    /// A repository that is reached nowhere.
    #[error("the repository `{name}` is reached nowhere")]
    NoPlace {
        /// Its name.
        name: String,
    },
    /// There is nothing to go back to.
    #[error("nothing is known of what was installed before of {id}")]
    NoPrevious {
        /// The plugin.
        id: String,
    },
    /// No version of a plugin will do.
    #[error("no version of {id}{} can be installed", range.as_ref().map(|it| format!(" in {it}")).unwrap_or_default())]
    NoVersion {
        /// The plugin.
        id: String,
        /// Which versions were asked for.
        range: Option<String>,
        /// Which there are, oldest first.
        known: Vec<String>,
    },
    /// It is not pinned.
    #[error("{id} is not installed")]
    NotInstalled {
        /// The plugin.
        id: String,
    },
    /// Something would have to be fetched.
    #[error("{what} would have to be fetched, and nothing may be")]
    Offline {
        /// What.
        what: String,
    },
    /// The repository of this name is not the one that the lock file means.
    #[error("the repository `{name}` is another one than the lock file means: it has another root")]
    OtherRepository {
        /// Its name.
        name: String,
    },
    /// The policy does not allow it.
    #[error("{plugin} is refused: {}", reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused {
        /// The plugin and its version.
        plugin: String,
        /// The rules that are against it.
        reasons: Vec<crate::policy::Reason>,
    },
    /// No repository of that name was added.
    #[error("there is no repository `{name}`")]
    NoRepository {
        /// What was asked for.
        name: String,
        /// Which there are.
        known: Vec<String>,
    },
    /// A repository of that name was added already.
    #[error("there is a repository `{name}` already")]
    RepositoryExists {
        /// Its name.
        name: String,
    },
    /// A name that no repository can have.
    #[error(
        "`{text}` is no name of a repository: lower-case letters, digits and single hyphens, a letter first"
    )]
    RepositoryName {
        /// The first characters of what was given.
        text: String,
    },
    /// Something of ours has no form in the format that it is written in.
    #[error("{what} cannot be written: {reason}")]
    Encode {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A file or folder could not be read, written, or made.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No plugin has the name.
    #[error("there is no plugin `{name}`")]
    NotFound {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// The file is there and is not a plugin.
    #[error("{}: {source}", path.display())]
    Package {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: PackageError,
    },
    /// The file is larger than any plugin may be, so it was not read.
    #[error("{} is {bytes} bytes long; a plugin may have {limit_bytes}", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The time is before one that was seen already: signed metadata would seem fresher than it is.
    #[error("the clock says {now}, which is before {seen}, when this repository was last used")]
    ClockSetBack {
        /// What the clock says.
        now: jiff::Timestamp,
        /// The latest time that was seen.
        seen: jiff::Timestamp,
    },
    /// A version that is published already.
    #[error("{path} is published already, and versions are never changed")]
    Exists {
        /// The component.
        path: TargetPath,
    },
    /// Signed metadata has ended.
    #[error("the repository's `{role}` metadata ended at {expires}")]
    Expired {
        /// The role.
        role: String,
        /// When it ended.
        expires: jiff::Timestamp,
    },
    /// A key file that holds no key which can be used.
    #[error("{}: {reason}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; nothing of the key.
        reason: String,
    },
    /// There is something at the place where a key was to be written.
    #[error("there is {} already, and keys are never overwritten", path.display())]
    KeyFileExists {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the key file.
    #[error("the passphrase does not open {}", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// A plugin of another publisher's.
    #[error("the plugin {id} is not of the namespace `{namespace}`")]
    ForeignNamespace {
        /// The plugin.
        id: String,
        /// Where it was to be published.
        namespace: String,
    },
    /// Text that is no key.
    #[error("not a {what}: 64 lower-case hexadecimal digits are expected")]
    Key {
        /// What it should be.
        what: &'static str,
    },
    /// Metadata that does not say what it must.
    #[error("{what}: {reason}")]
    Metadata {
        /// The file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that the metadata names is not there.
    #[error("{location} has no `{file}`")]
    Missing {
        /// Where it was looked for.
        location: String,
        /// What was looked for.
        file: String,
    },
    /// A name that no publisher can have.
    #[error(
        "`{text}` is no namespace: two to forty lower-case letters, digits and single hyphens, a letter first, \
         not the name of another role and not ending in `-release`"
    )]
    Namespace {
        /// The first characters of what was given.
        text: String,
    },
    /// Nobody who may list it does.
    #[error("the repository has no `{what}`")]
    NotListed {
        /// A path or a namespace.
        what: String,
    },
    /// Nothing was verified yet.
    #[error("the repository was not refreshed")]
    NotRefreshed,
    /// Something that came from elsewhere is larger than it may be. No more of it was read.
    #[error("{what} has more than {limit_bytes} bytes")]
    Oversize {
        /// What.
        what: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// A publication or a request was not accepted by the repository's operator.
    #[error("not admitted: {0}")]
    NotAdmitted(#[source] Box<Refusal>),
    /// What is offered is older than what was trusted before.
    #[error("`{role}` is offered at version {offered}, and version {trusted} was trusted before")]
    Rollback {
        /// The role.
        role: String,
        /// The version that was trusted.
        trusted: u64,
        /// The version that is offered.
        offered: u64,
    },
    /// Metadata that was not signed by those who have to.
    #[error("{role}: {reason}")]
    Signatures {
        /// The role.
        role: String,
        /// What is missing.
        reason: String,
    },
    /// Nothing was signed.
    #[error("nothing was signed: {reason}")]
    Signer {
        /// Why.
        reason: String,
    },
    /// What was trusted before cannot be read or written down, so nothing is trusted now.
    #[error("cannot {action} {}: {source}", path.display())]
    Store {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What was written down about a repository is not what was written.
    #[error("{}: {reason}", path.display())]
    StoreDamaged {
        /// The file.
        path: PathBuf,
        /// How it shows.
        reason: String,
    },
    /// Bytes that are not the ones that were signed.
    #[error("{what} is not what was signed: {reason}")]
    Tampered {
        /// The file.
        what: String,
        /// How it shows.
        reason: String,
    },
    /// A name that no file of a repository can have.
    #[error("`{text}` is no path of a plugin's file: {reason}")]
    TargetPath {
        /// The first characters of it, escaped.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file that people may write says something that makes no sense.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What was expected.
        reason: String,
    },
    /// Bytes could not be fetched.
    #[error("{location}: {reason}")]
    Transport {
        /// Where from; without secrets.
        location: String,
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// What kind of failure it was.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::NotFound { .. } => Category::NotFound,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Category::NotFound,
            Self::File { .. } => Category::Unavailable,
            Self::TooLarge { .. } => Category::Quota,
            Self::Missing { .. } | Self::NotListed { .. } => Category::NotFound,
            Self::Exists { .. } => Category::AlreadyExists,
            Self::Oversize { .. } => Category::Quota,
            Self::Store { .. } | Self::StoreDamaged { .. } | Self::Transport { .. } | Self::Signer { .. } => {
                Category::Unavailable
            }
            Self::ClockSetBack { .. }
            | Self::Expired { .. }
            | Self::Metadata { .. }
            | Self::NotAdmitted(_)
            | Self::Rollback { .. }
            | Self::Signatures { .. }
            | Self::Tampered { .. } => Category::Forbidden,
            Self::AuditLog { .. } => Category::Unavailable,
            Self::Damaged { .. }
            | Self::Exposed { .. }
            | Self::NotVerified { .. }
            | Self::NotVouched { .. }
            | Self::OtherRepository { .. }
            | Self::Refused { .. } => Category::Forbidden,
            Self::LockDiffers { .. } => Category::Forbidden,
            Self::NotFetched { .. }
            | Self::NoPlace { .. }
            | Self::NoPrevious { .. }
            | Self::NoVersion { .. }
            | Self::NotInstalled { .. } => Category::NotFound,
            Self::Offline { .. } => Category::Unavailable,
            Self::NoRepository { .. } => Category::NotFound,
            Self::RepositoryExists { .. } => Category::AlreadyExists,
            Self::RepositoryName { .. } => Category::InvalidRequest,
            Self::Bundle { problem, .. } => problem.category(),
            Self::Busy { .. } | Self::Changed { .. } => Category::Conflict,
            Self::KeyFileExists { .. } => Category::AlreadyExists,
            Self::Passphrase { .. } => Category::Unauthenticated,
            Self::Encode { .. } | Self::NotRefreshed => Category::Internal,
            Self::Advisory { .. }
            | Self::Ambiguous { .. }
            | Self::Sbom { .. }
            | Self::ForeignNamespace { .. }
            | Self::Key { .. }
            | Self::KeyFile { .. }
            | Self::Text { .. }
            | Self::Namespace { .. }
            | Self::Package { .. }
            | Self::TargetPath { .. } => Category::InvalidRequest,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Package { .. } | Self::TooLarge { .. } => Blame::Plugin,
            Self::Encode { .. } | Self::NotRefreshed => Blame::Host,
            _ => Blame::Operator,
        }
    }

    /// A word for scripts; it does not change between releases.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Advisory { .. } => "advisory",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Bundle { .. } => "bundle",
            Self::Sbom { .. } => "sbom",
            Self::AuditLog { .. } => "audit-log",
            Self::Busy { .. } => "busy",
            Self::Changed { .. } => "changed",
            Self::Damaged { .. } => "damaged",
            Self::Encode { .. } => "encode",
            Self::Exposed { .. } => "exposed",
            Self::NoRepository { .. } => "no-repository",
            Self::LockDiffers { .. } => "lock-differs",
            Self::NoPlace { .. } => "no-place",
            Self::NoPrevious { .. } => "no-previous",
            Self::NoVersion { .. } => "no-version",
            Self::NotInstalled { .. } => "not-installed",
            Self::Offline { .. } => "offline",
            Self::NotFetched { .. } => "not-fetched",
            Self::NotVerified { .. } => "not-verified",
            Self::NotVouched { .. } => "not-vouched",
            Self::OtherRepository { .. } => "other-repository",
            Self::Refused { .. } => "refused",
            Self::RepositoryExists { .. } => "repository-exists",
            Self::RepositoryName { .. } => "repository-name",
            Self::KeyFile { .. } => "key-file",
            Self::KeyFileExists { .. } => "key-file-exists",
            Self::Passphrase { .. } => "passphrase",
            Self::Text { .. } => "config",
            Self::ClockSetBack { .. } => "clock-set-back",
            Self::Exists { .. } => "exists",
            Self::Expired { .. } => "expired",
            Self::ForeignNamespace { .. } => "foreign-namespace",
            Self::File { .. } => "file",
            Self::Key { .. } => "key",
            Self::Metadata { .. } => "metadata",
            Self::Missing { .. } => "missing",
            Self::Namespace { .. } => "namespace",
            Self::NotFound { .. } => "plugin",
            Self::NotListed { .. } => "not-listed",
            Self::NotRefreshed => "not-refreshed",
            Self::Oversize { .. } | Self::TooLarge { .. } => "oversize",
            Self::Package { .. } => "not-a-plugin",
            Self::NotAdmitted(_) => "not-admitted",
            Self::Rollback { .. } => "rollback",
            Self::Signatures { .. } => "signatures",
            Self::Signer { .. } => "signer",
            Self::Store { .. } => "store",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::Tampered { .. } => "tampered",
            Self::TargetPath { .. } => "target-path",
            Self::Transport { .. } => "transport",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { folders, .. } => {
                let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
                Some(format!(
                    "give the path of a plugin file, or one of `skywright plugin list`; looked in {}",
                    folders.join(", ")
                ))
            }
            Self::Ambiguous { .. } => Some("give the whole id, namespace/name".to_owned()),
            Self::Package { source, .. } => source.hint(),
            Self::AuditLog { .. } => Some(
                "keep the file for whoever looks into it, and move it away: a new one is begun".to_owned(),
            ),
            Self::Bundle { problem, .. } => problem.hint().map(str::to_owned),
            Self::Damaged { .. } => {
                Some("`skywright plugin install` fetches it again; find out who changed it".to_owned())
            }
            Self::Exposed { path } => Some(format!("run: chmod go-w '{}'", path.display())),
            Self::NotFetched { .. } => {
                Some("`skywright plugin install --locked` fetches what is pinned".to_owned())
            }
            Self::NotVerified { name } => {
                Some(format!("run `skywright repo update {name}`, or load a bundle that has it"))
            }
            Self::NotVouched { .. } => Some(
                "its publisher or the registry took it out; `skywright plugin update` takes another version"
                    .to_owned(),
            ),
            Self::OtherRepository { name } => Some(format!(
                "find out which one is meant; `skywright repo remove {name}` and `repo add` take the other"
            )),
            Self::Refused { reasons, .. } => {
                let remedies: Vec<_> = reasons.iter().map(|reason| reason.remedy.as_str()).collect();
                Some(remedies.join("; "))
            }
            Self::NoRepository { known, .. } if known.is_empty() => {
                Some("none was added yet: `skywright repo add NAME URL --root FILE`".to_owned())
            }
            Self::NoRepository { known, .. } => Some(format!("there are: {}", known.join(", "))),
            Self::RepositoryExists { .. } => {
                Some("`skywright repo list` shows it; `skywright repo remove` takes it away first".to_owned())
            }
            Self::Busy { .. } => Some("wait until it is done, and try again".to_owned()),
            Self::Changed { .. } => Some("look at what changed, and try again".to_owned()),
            Self::ClockSetBack { .. } => Some("set this machine's clock right".to_owned()),
            Self::Expired { .. } => Some(
                "its operator has to renew it; if this machine's clock is ahead, set it right".to_owned(),
            ),
            Self::Rollback { .. } => {
                Some("the repository or a mirror of it serves something old; tell its operator".to_owned())
            }
            Self::Store { .. } => Some(
                "make room or give this user the right to write there; nothing is trusted that cannot be \
                 written down"
                    .to_owned(),
            ),
            Self::StoreDamaged { .. } => Some(
                "remove the repository and add it again with a root that you got another way; until then \
                 an old state of it could not be told from a new one"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// For `map_err` behind something done to a file.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }
}

fn at_line(line: u64) -> String {
    if line == 0 { String::new() } else { format!(":{line}") }
}

impl From<skywright_files::Error> for Error {
    fn from(error: skywright_files::Error) -> Self {
        Self::File { action: error.action, path: error.path, source: error.source }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::NotAdmitted(Box::new(refusal))
    }
}
