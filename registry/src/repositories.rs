//! The repositories that somebody added, and may fetch from.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::error::Error;
use crate::tuf::HexDigest;
use crate::{files, toml_text};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The version of the format.
const VERSION: u32 = 1;

/// The name of a repository on this machine: one to forty lower-case letters, digits and single hyphens, a
/// letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RepositoryName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The same grammar as a plugin's name, so that one rule is enough to remember.
        match format!("x/{text}").parse::<skywright_contract::PluginId>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(Error::RepositoryName { text: text.chars().take(80).collect() }),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.0
    }
}

/// Whose repository it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryKind {
    /// It has what publishers signed.
    #[default]
    Upstream,
    /// It is the site's own, and lists what the site vetted.
    Site,
}

/// A repository that somebody added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its name on this machine.
    pub name: RepositoryName,
    /// Whose it is.
    #[serde(default)]
    pub kind: RepositoryKind,
    /// The digest of the root metadata that it was added with: whoever signs as that root, or as one that it
    /// handed over to, is this repository, wherever it is reached.
    pub root_sha256: HexDigest,
    /// Where it is reached, in the order in which that is tried.
    pub urls: Vec<String>,
}

/// All repositories that somebody added, in their order: the first that names a plugin provides it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repositories {
    /// No two of the same name.
    pub repositories: Vec<Repository>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: Spanned<u32>,
    #[serde(default)]
    repository: Vec<Spanned<Repository>>,
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    repository: &'a [Repository],
}

impl Repositories {
    /// Reads the file; if there is none, there are no repositories.
    ///
    /// # Errors
    ///
    /// [`Error::Text`] with line and column; [`Error::File`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        match files::read_if_there(path, MAX_BYTES)? {
            Some(bytes) => Self::parse(path, &bytes),
            None => Ok(Self::default()),
        }
    }

    /// Reads the bytes of a file; `path` is for messages.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let text = toml_text::utf8(path, bytes)?;
        let read: Read = toml_text::read(path, text)?;
        let wrong = |span, reason: &str| toml_text::at(path, text, Some(span), reason);
        if *read.version.get_ref() != VERSION {
            return Err(wrong(read.version.span(), "this release reads version 1 of this file"));
        }
        let mut names = BTreeSet::new();
        let mut repositories = Vec::new();
        for entry in read.repository {
            let span = entry.span();
            let repository = entry.into_inner();
            if !names.insert(repository.name.clone()) {
                return Err(wrong(span, "the repository is there twice"));
            }
            if repository.urls.is_empty() {
                return Err(wrong(span, "a repository is reached somewhere: `urls` is empty"));
            }
            repositories.push(repository);
        }
        Ok(Self { repositories })
    }

    /// Changes the file: what is there is read, changed and written, while nobody else does.
    ///
    /// # Errors
    ///
    /// What `change` fails with, and then nothing is written; those of [`read`](Self::read);
    /// [`Error::Busy`].
    pub fn change<R>(path: &Path, change: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        let _held = files::hold_folder(skywright_files::folder_of(path), Duration::from_secs(10))?;
        let mut repositories = Self::read(path)?;
        let result = change(&mut repositories)?;
        let written = Written { version: VERSION, repository: &repositories.repositories };
        let text = toml::to_string(&written)
            .map_err(|error| Error::Encode { what: "the list of repositories", reason: error.to_string() })?;
        files::replace(path, text.as_bytes())?;
        Ok(result)
    }

    /// The repository of a name.
    ///
    /// # Errors
    ///
    /// [`Error::NoRepository`].
    pub fn get(&self, name: &str) -> Result<&Repository, Error> {
        self.repositories.iter().find(|it| it.name.as_str() == name).ok_or_else(|| Error::NoRepository {
            name: name.to_owned(),
            known: self.repositories.iter().map(|it| it.name.to_string()).collect(),
        })
    }

    /// Those of a kind, in their order.
    pub fn of_kind(&self, kind: RepositoryKind) -> impl Iterator<Item = &Repository> {
        self.repositories.iter().filter(move |it| it.kind == kind)
    }

    /// Adds one behind all others.
    ///
    /// # Errors
    ///
    /// [`Error::RepositoryExists`].
    pub fn add(&mut self, repository: Repository) -> Result<(), Error> {
        if self.get(repository.name.as_str()).is_ok() {
            return Err(Error::RepositoryExists { name: repository.name.to_string() });
        }
        self.repositories.push(repository);
        Ok(())
    }

    /// Takes one out.
    ///
    /// # Errors
    ///
    /// [`Error::NoRepository`].
    pub fn remove(&mut self, name: &str) -> Result<Repository, Error> {
        let found = self.get(name)?.clone();
        self.repositories.retain(|it| it.name != found.name);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use skywright_contract::Digest;

    use super::*;

    fn repository(name: &str) -> Repository {
        Repository {
            name: name.parse().unwrap(),
            kind: RepositoryKind::Upstream,
            root_sha256: HexDigest(Digest::of(b"root")),
            urls: vec!["https://plugins.example.org".to_owned(), "file:///srv/mirror".to_owned()],
        }
    }

    #[test]
    fn repositories_keep_their_order_and_their_names_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("repositories.toml");
        for name in ["main", "acme"] {
            Repositories::change(&path, |it| it.add(repository(name))).unwrap();
        }
        let read = Repositories::read(&path).unwrap();
        assert_eq!(read.repositories, [repository("main"), repository("acme")]);
        let again = Repositories::change(&path, |it| it.add(repository("main"))).unwrap_err();
        assert!(matches!(again, Error::RepositoryExists { .. }));
        Repositories::change(&path, |it| it.remove("main")).unwrap();
        assert!(matches!(Repositories::read(&path).unwrap().get("main"), Err(Error::NoRepository { .. })));
        assert!(Repositories::read(&path).unwrap().get("acme").is_ok());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let parse =
            |text: &str| Repositories::parse(Path::new("r"), text.as_bytes()).unwrap_err().to_string();
        let root = "ab".repeat(32);
        for (text, place) in [
            ("version = 3".to_owned(), "r:1:11: this release"),
            ("version = 1\n[[repository]]\nname = \"../x\"".to_owned(), "r:3:8: "),
            (
                format!("version = 1\n[[repository]]\nname = \"x\"\nroot_sha256 = \"{root}\"\nurls = []"),
                "r:2:1: a repository is",
            ),
            ("version = 1\n[[repository]]\nurl = \"x\"".to_owned(), "r:3:1: unknown field `url`"),
        ] {
            let error = parse(&text);
            assert!(error.starts_with(place), "{error}");
        }
    }
}
