//! Buckets: folders below the home's own, an object a file. What is in them is read and written by the host's
//! object commands; here they are made, listed and taken away.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::error::Error;
use crate::home::Home;
use crate::id::BucketName;
use crate::model::Bucket;

/// Makes it; one that is there already is the one.
pub(crate) fn create(home: &Home, name: &BucketName) -> Result<Bucket, Error> {
    let folder = home.buckets().join(name.as_str());
    // What is in buckets is the operator's alone.
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(Error::file(&folder))?;
    Ok(bucket(name.as_str(), &folder))
}

/// All of them, by name.
pub(crate) fn list(home: &Home) -> Result<Vec<Bucket>, Error> {
    let folder = home.buckets();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::file(&folder))?,
    };
    let mut buckets = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file(&folder))?;
        let is_folder = entry.file_type().map_err(Error::file(entry.path()))?.is_dir();
        let name = entry.file_name().to_str().and_then(|name| name.parse::<BucketName>().ok());
        if let Some(name) = name.filter(|_| is_folder) {
            buckets.push(bucket(name.as_str(), &entry.path()));
        }
    }
    buckets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(buckets)
}

/// Takes it away. [`Error::InUse`] while it holds objects; one that is gone already is done.
pub(crate) fn delete(home: &Home, name: &BucketName) -> Result<(), Error> {
    match remove_empty(&home.buckets().join(name.as_str())) {
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::DirectoryNotEmpty => {
            Err(Error::InUse {
                what: format!("bucket `{}`", name.as_str()),
                holder: "its objects".to_owned(),
            })
        }
        other => other,
    }
}

/// Removes a folder that holds nothing but folders: objects that are gone leave those of their names behind.
/// The system refuses to remove one with a file in it, also one that was written this very moment.
fn remove_empty(folder: &Path) -> Result<(), Error> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map_err(Error::file(folder)),
    };
    let entries = match fs::read_dir(folder) {
        Err(error) => return gone(Err(error)),
        Ok(entries) => entries,
    };
    for entry in entries {
        let entry = entry.map_err(Error::file(folder))?;
        if entry.file_type().map_err(Error::file(entry.path()))?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    gone(fs::remove_dir(folder))
}

fn bucket(name: &str, folder: &Path) -> Bucket {
    let made = fs::metadata(folder).and_then(|meta| meta.created()).ok();
    let at = made.and_then(|made| jiff::Timestamp::try_from(made).ok());
    let created_at = at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    Bucket { name: name.to_owned(), created_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_goes_when_it_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(&folder.path().join("state"), &folder.path().join("cache")).unwrap();
        assert_eq!(list(&home).unwrap(), []);
        let name: BucketName = "data".parse().unwrap();
        let made = create(&home, &name).unwrap();
        assert_eq!(create(&home, &name).unwrap(), made);
        let deep = home.buckets().join("data/a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(home.buckets().join(".unfinished")).unwrap();
        fs::write(deep.join("object"), b"x").unwrap();
        assert_eq!(list(&home).unwrap(), [made]);
        assert!(matches!(delete(&home, &name), Err(Error::InUse { .. })));
        assert!(deep.join("object").is_file());
        fs::remove_file(deep.join("object")).unwrap();
        delete(&home, &name).unwrap();
        delete(&home, &name).unwrap();
        assert_eq!(list(&home).unwrap(), []);
    }

    #[test]
    fn a_name_that_would_be_another_place_is_refused() {
        for name in ["", ".", "..", "a/b", "../x", ".hidden", "A", "a\0b", "ab\n", &"x".repeat(64)] {
            assert!(name.parse::<BucketName>().is_err(), "{name:?}");
        }
    }
}
