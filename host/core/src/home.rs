//! Where skywright keeps its files.

use std::path::PathBuf;

use crate::error::Error;

/// The folders of one user, by the XDG base directory rules, or all below `SKYWRIGHT_HOME`.
///
/// Nothing is created by asking for them.
#[derive(Debug, Clone)]
pub struct Home {
    config: PathBuf,
    data: PathBuf,
    cache: PathBuf,
    state: PathBuf,
}

impl Home {
    /// From `SKYWRIGHT_HOME`, or else `XDG_CONFIG_HOME` and its kin, or else their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::NoHome`] if none of these nor `HOME` is an absolute path.
    pub fn from_env() -> Result<Self, Error> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(home) = absolute("SKYWRIGHT_HOME") {
            return Ok(Self::below(home));
        }
        let user = std::env::home_dir().filter(|path| path.is_absolute());
        let folder = |variable: &str, default: &str| {
            let base = absolute(variable).or_else(|| Some(user.as_ref()?.join(default)));
            base.map(|base| base.join("skywright")).ok_or(Error::NoHome)
        };
        Ok(Self {
            config: folder("XDG_CONFIG_HOME", ".config")?,
            data: folder("XDG_DATA_HOME", ".local/share")?,
            cache: folder("XDG_CACHE_HOME", ".cache")?,
            state: folder("XDG_STATE_HOME", ".local/state")?,
        })
    }

    /// All four below one folder.
    #[must_use]
    pub fn below(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            config: folder.join("config"),
            data: folder.join("data"),
            cache: folder.join("cache"),
            state: folder.join("state"),
        }
    }

    /// The tenants file.
    #[must_use]
    pub fn tenants_file(&self) -> PathBuf {
        self.config.join("tenants.yaml")
    }

    /// Where plugins lie.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.data.join("plugins")
    }

    /// Compiled plugins. Losing them costs a compilation.
    #[must_use]
    pub fn artefacts(&self) -> PathBuf {
        self.cache.join("artefacts")
    }

    /// Core dumps of crashed plugins, if asked for.
    #[must_use]
    pub fn core_dumps(&self) -> PathBuf {
        self.state.join("core-dumps")
    }

    /// Build output of guests.
    #[must_use]
    pub fn guest_builds(&self) -> PathBuf {
        self.cache.join("guests")
    }
}
