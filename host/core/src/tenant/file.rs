//! Changes to the tenants file that leave the rest of it as somebody wrote it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Tenants, read, store};
use crate::config::{self, Block};
use crate::error::Error;
use crate::secret::SecretSource;
use skywright_files::folder_of;

/// The tenants file, open for changes. Others who would change it wait until this is dropped.
pub struct TenantsFile {
    path: PathBuf,
    text: String,
    tenants: Tenants,
    /// A lock on the folder: the file itself is replaced.
    _lock: File,
}

impl TenantsFile {
    /// Opens the file; one that does not exist is made when it is saved.
    ///
    /// # Errors
    ///
    /// [`Error::File`] and [`Error::Config`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let folder = folder_of(path);
        let failed = |action| move |source| Error::File { action, path: path.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
        let lock = File::open(folder).map_err(failed("lock"))?;
        lock.lock().map_err(failed("lock"))?;
        let text = match config::read_text(path) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        let tenants = read::tenants(&text, path)?;
        Ok(Self { path: path.to_owned(), text, tenants, _lock: lock })
    }

    /// The tenants as they are in the file, with the changes so far.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Adds a tenant, or puts it in place of the one of that name.
    ///
    /// # Errors
    ///
    /// [`Error::TenantExists`] if there is one and it is not to be replaced; [`Error::Config`] if the file
    /// is written in a way that this cannot change.
    pub fn put(&mut self, name: &str, tenant: &Block, replace: bool) -> Result<(), Error> {
        if !replace && self.tenants.tenants.contains_key(name) {
            return Err(Error::TenantExists { name: name.to_owned(), path: self.path.clone() });
        }
        self.change(config::set(&self.text, &self.path, &["tenants", name], tenant)?)
    }

    /// Says where a secret of a tenant is kept.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`], and [`Error::Config`] if the file is written in a way that this cannot change.
    pub fn put_secret(&mut self, tenant: &str, key: &str, source: &SecretSource) -> Result<(), Error> {
        self.tenants.get(tenant)?;
        let keys = ["tenants", tenant, "secrets", key];
        self.change(config::set(&self.text, &self.path, &keys, &source_block(source))?)
    }

    /// Forgets where a secret of a tenant is kept. Gives what that was.
    ///
    /// # Errors
    ///
    /// As [`put_secret`](Self::put_secret).
    pub fn remove_secret(&mut self, tenant: &str, key: &str) -> Result<Option<SecretSource>, Error> {
        let Some(source) = self.tenants.get(tenant)?.secrets.get(key).cloned() else { return Ok(None) };
        self.change(config::remove(&self.text, &self.path, &["tenants", tenant, "secrets", key])?)?;
        Ok(Some(source))
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn save(&self) -> Result<(), Error> {
        store::write(&self.path, &self.text)
    }

    fn change(&mut self, text: String) -> Result<(), Error> {
        self.tenants = read::tenants(&text, &self.path)?;
        self.text = text;
        Ok(())
    }
}

/// A source as it stands in the file.
pub(super) fn source_block(source: &SecretSource) -> Block {
    let text = |text: &str| Block::Text(text.to_owned());
    let value = match source {
        SecretSource::Env(name) | SecretSource::Keyring(name) => text(name),
        SecretSource::File(path) => text(&path.to_string_lossy()),
        SecretSource::Command(words) => Block::List(words.iter().map(|word| text(word)).collect()),
        SecretSource::Sealed(sealed) => text(sealed),
    };
    Block::Inline(vec![(source.kind().to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_comes_and_goes_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tenants.yaml");
        let original = "# mine\ntenants:\n  lab: # the lab\n    provider: x\n";
        std::fs::write(&path, original).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let mut file = TenantsFile::open(&path).unwrap();
        let words = ["pass", "show", "a b"].map(str::to_owned);
        for source in [SecretSource::Sealed("AA==".into()), SecretSource::Command(words.into())] {
            file.put_secret("lab", "password", &source).unwrap();
            assert_eq!(file.tenants().get("lab").unwrap().secrets["password"], source);
        }
        file.save().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            format!("{original}    secrets:\n      password: {{ command: [pass, show, \"a b\"] }}\n")
        );
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        drop(file);
        let mut file = TenantsFile::open(&path).unwrap();
        assert!(file.remove_secret("lab", "password").unwrap().is_some());
        assert!(file.remove_secret("lab", "password").unwrap().is_none());
        file.save().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), original);
        assert!(matches!(
            file.put_secret("lap", "x", &SecretSource::Env("A".into())),
            Err(Error::NoTenant { .. })
        ));
    }

    #[test]
    fn no_tenant_is_replaced_unasked_and_a_new_file_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/tenants.yaml");
        let mut file = TenantsFile::open(&path).unwrap();
        let tenant = |provider: &str| Block::Map(vec![("provider".to_owned(), provider.into())]);
        file.put("lab", &tenant("x"), false).unwrap();
        assert!(matches!(file.put("lab", &tenant("y"), false), Err(Error::TenantExists { .. })));
        file.put("lab", &tenant("y"), true).unwrap();
        file.save().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "tenants:\n  lab:\n    provider: y\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
    }
}
