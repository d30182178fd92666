//! Where everything of this crate lies on one machine.

use std::path::{Path, PathBuf};

use crate::repositories::RepositoryName;

/// The files and folders of one user. Nothing is made by asking for them.
#[derive(Debug, Clone)]
pub struct Places {
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
    lock_file: PathBuf,
}

impl Places {
    /// Below these folders: what people write, what is fetched, and what is remembered. The lock file is
    /// `skywright.lock` among what people write.
    #[must_use]
    pub fn new(config: impl Into<PathBuf>, data: impl Into<PathBuf>, state: impl Into<PathBuf>) -> Self {
        let config = config.into();
        let lock_file = config.join("skywright.lock");
        Self { config, data: data.into(), state: state.into(), lock_file }
    }

    /// All below one folder.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        Self::new(folder.join("config"), folder.join("data"), folder.join("state"))
    }

    /// With a lock file elsewhere, such as in a project that is under version control.
    #[must_use]
    pub fn with_lock_file(self, lock_file: impl Into<PathBuf>) -> Self {
        Self { lock_file: lock_file.into(), ..self }
    }

    /// What is pinned.
    #[must_use]
    pub fn lock_file(&self) -> &Path {
        &self.lock_file
    }

    /// What was pinned before the last change, one version a plugin.
    #[must_use]
    pub fn previous_lock_file(&self) -> PathBuf {
        self.data.join("previous.lock")
    }

    /// Whom this user trusts with what.
    #[must_use]
    pub fn trust_file(&self) -> PathBuf {
        self.config.join("trust.toml")
    }

    /// The repositories that were added.
    #[must_use]
    pub fn repositories_file(&self) -> PathBuf {
        self.config.join("repositories.toml")
    }

    /// The folders that `plugin dev` registered.
    #[must_use]
    pub fn development_file(&self) -> PathBuf {
        self.config.join("development.toml")
    }

    /// What was decided.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.state.join("audit.jsonl")
    }

    /// The bytes of what is installed, by digest.
    #[must_use]
    pub fn content_store(&self) -> PathBuf {
        self.data.join("store")
    }

    /// What the last bundle brought in.
    #[must_use]
    pub fn bundles(&self) -> PathBuf {
        self.data.join("bundles")
    }

    /// What is remembered of a repository: losing it loses the protection against old metadata.
    #[must_use]
    pub fn repository(&self, name: &RepositoryName) -> PathBuf {
        self.data.join("repositories").join(name.as_str())
    }

    /// What its metadata store is in, below [`repository`](Self::repository).
    #[must_use]
    pub fn metadata(&self, name: &RepositoryName) -> PathBuf {
        self.repository(name).join("metadata")
    }

    /// Held by whoever installs.
    #[must_use]
    pub fn install_lock(&self) -> PathBuf {
        self.data.join("install.lock")
    }
}
