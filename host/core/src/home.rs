//! Where skywright keeps its files.

use std::path::PathBuf;

use skywright_registry::Places;

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

    /// The key that seals secrets of this user. Losing it loses them.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.data.join("master.key")
    }

    /// The name of the tenant that `tenant set` chose.
    #[must_use]
    pub fn current_tenant_file(&self) -> PathBuf {
        self.config.join("current-tenant")
    }

    /// Where plugins lie.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.data.join("plugins")
    }

    /// Where repositories, pins, policy and decisions are kept; with another lock file than the home's own, if
    /// one is given.
    #[must_use]
    pub fn registry_places(&self, lock_file: Option<PathBuf>) -> Places {
        let places = Places::new(&self.config, &self.data, &self.state);
        match lock_file {
            Some(lock_file) => places.with_lock_file(lock_file),
            None => places,
        }
    }

    /// Compiled plugins. Losing them costs a compilation.
    #[must_use]
    pub fn artefacts(&self) -> PathBuf {
        self.cache.join("artefacts")
    }

    /// Where state is kept.
    pub(crate) fn state_folder(&self) -> &std::path::Path {
        &self.state
    }

    /// Core dumps of crashed plugins, if asked for.
    #[must_use]
    pub fn core_dumps(&self) -> PathBuf {
        self.state.join("core-dumps")
    }

    /// What is kept of this machine's own hosts: their disks, too.
    #[must_use]
    pub fn machines(&self) -> PathBuf {
        self.state.join("machines")
    }

    /// What this machine's own hosts start from. Losing them costs some minutes.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.cache.join("images")
    }

    /// Keys and known hosts for plain `ssh`, where they were asked for.
    #[must_use]
    pub fn ssh(&self) -> PathBuf {
        self.data.join("ssh")
    }

    /// Build output of guests.
    #[must_use]
    pub fn guest_builds(&self) -> PathBuf {
        self.cache.join("guests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What makes the test below tell its own home instead. The environment of a running process cannot
    /// be changed safely, so it is the environment of another one.
    const TELL: &str = "SKYWRIGHT_TEST_TELL_HOME";

    fn home_with(variables: &[(&str, &str)]) -> Vec<String> {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "home::tests::homes", "--nocapture", "--test-threads=1"])
            .env_clear()
            .env(TELL, "1")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.split_once(TELL)).map(|(_, path)| path.to_owned()).collect()
    }

    #[test]
    fn homes() {
        if std::env::var_os(TELL).is_some() {
            match Home::from_env() {
                Ok(home) => {
                    let paths = [home.tenants_file(), home.plugins(), home.artefacts(), home.core_dumps()];
                    paths.iter().for_each(|path| println!("\n{TELL}{}", path.display()));
                }
                Err(error) => println!("\n{TELL}{error}"),
            }
            return;
        }
        let below_home = [
            "/home/me/.config/skywright/tenants.yaml",
            "/home/me/.local/share/skywright/plugins",
            "/home/me/.cache/skywright/artefacts",
            "/home/me/.local/state/skywright/core-dumps",
        ];
        assert_eq!(home_with(&[("HOME", "/home/me")]), below_home);
        let xdg = [
            ("HOME", "/home/me"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_DATA_HOME", "/d"),
            ("XDG_CACHE_HOME", "/k"),
            ("XDG_STATE_HOME", "/s"),
        ];
        let of_xdg = [
            "/c/skywright/tenants.yaml",
            "/d/skywright/plugins",
            "/k/skywright/artefacts",
            "/s/skywright/core-dumps",
        ];
        assert_eq!(home_with(&xdg), of_xdg);
        let own = [
            "/own/config/tenants.yaml",
            "/own/data/plugins",
            "/own/cache/artefacts",
            "/own/state/core-dumps",
        ];
        assert_eq!(home_with(&[&xdg[..], &[("SKYWRIGHT_HOME", "/own")]].concat()), own);
        // A relative path, which would mean another folder for each working folder, does not count.
        let relative = [("HOME", "/home/me"), ("XDG_CACHE_HOME", "cache"), ("SKYWRIGHT_HOME", "own")];
        assert_eq!(home_with(&relative), below_home);
        let nowhere = home_with(&[("HOME", "me"), ("XDG_CONFIG_HOME", "/c")]);
        assert_eq!(nowhere, ["no home folder: neither SKYWRIGHT_HOME nor HOME is an absolute path"]);
    }
}
