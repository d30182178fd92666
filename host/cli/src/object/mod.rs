//! `skywright object …`.

mod args;
mod place;
mod sync;
mod watch;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use skywright_core::objects::{self, Bucket, Entry, EntryKind, ObjectName, Prefix, PresignedAction};

use args::Method;
pub(crate) use args::ObjectCommand;
use place::Place;

pub(crate) use sync::synced_text;
pub(crate) use watch::{Moving, size_text, skipped, until_stopped};

use crate::error::Error;
use crate::site::Site;

pub(crate) async fn run(command: ObjectCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        ObjectCommand::List { bucket, prefix, recursive } => list(&bucket, &prefix, recursive, site).await,
        ObjectCommand::Upload { file, to } => upload(&file, &to, site).await,
        ObjectCommand::Download { from, file } => download(&from, file, site).await,
        ObjectCommand::Delete { names } => delete(&names, site).await,
        ObjectCommand::Sync(args) => sync::run(&args, site).await,
        ObjectCommand::Url { object, method, expires } => url(&object, method, expires, site).await,
    }
}

/// The name of an object.
fn object_name(name: &str) -> Result<ObjectName, Error> {
    ObjectName::new(name).map_err(|reason| objects::Error::Name { name: name.to_owned(), reason }.into())
}

/// What names begin with.
pub(crate) fn prefix(text: &str) -> Result<Prefix, Error> {
    Prefix::new(text).map_err(|reason| objects::Error::Name { name: text.to_owned(), reason }.into())
}

async fn bucket(name: &str, site: &Site<'_>) -> Result<Bucket, Error> {
    let tenancy = site.open().await?;
    Ok(tenancy.objects().await?.bucket(name).await?)
}

async fn list(name: &str, below: &str, recursive: bool, site: &Site<'_>) -> Result<(), Error> {
    let below = prefix(below)?;
    let entries = until_stopped(site, async {
        let mut lister = bucket(name, site).await?.list(&below, recursive).await?;
        let mut entries = Vec::new();
        while let Some(entry) = lister.next().await? {
            entries.push(entry);
        }
        Ok(entries)
    })
    .await?;
    site.printer.list("objects", &entries, ["name", "size", "modified"], row)
}

fn row(entry: &Entry) -> [String; 3] {
    let size = match entry.kind {
        EntryKind::Folder => String::new(),
        EntryKind::Object => size_text(entry.size_bytes),
    };
    [entry.name.clone(), size, entry.modified.map(|time| time.to_string()).unwrap_or_default()]
}

/// An object that was moved.
#[derive(Serialize)]
struct Moved<'a> {
    bucket: &'a str,
    name: &'a str,
    file: &'a Path,
    size_bytes: u64,
}

async fn upload(file: &Path, to: &Place, site: &Site<'_>) -> Result<(), Error> {
    let name = object_name(&name_for(file, &to.name)?)?;
    let watch = Moving::new(site.report(), format!("upload of {}", file.display()));
    let moved =
        until_stopped(site, async { Ok(bucket(&to.bucket, site).await?.upload(file, &name, &watch).await?) })
            .await?;
    watch.done();
    let moved = Moved { bucket: &to.bucket, name: name.as_str(), file, size_bytes: moved.bytes };
    site.printer
        .result(&moved, || format!("{}/{}, {}", moved.bucket, moved.name, size_text(moved.size_bytes)))
}

/// The name of the object that a file becomes: the one that is given, the file's own behind a `/`.
fn name_for(file: &Path, given: &str) -> Result<String, Error> {
    if !given.is_empty() && !given.ends_with('/') {
        return Ok(given.to_owned());
    }
    match file.file_name().and_then(|name| name.to_str()) {
        Some(own) => Ok(format!("{given}{own}")),
        None => Err(Error::Usage {
            message: format!("the file {} gives the object no name", file.display()),
            hint: Some("say it: BUCKET/NAME".to_owned()),
        }),
    }
}

async fn download(from: &Place, file: Option<PathBuf>, site: &Site<'_>) -> Result<(), Error> {
    let name = object_name(&from.name)?;
    let own = from.name.rsplit('/').next().unwrap_or_default();
    let file = match file {
        None => PathBuf::from(own),
        Some(folder) if folder.is_dir() => folder.join(own),
        Some(file) => file,
    };
    let watch = Moving::new(site.report(), format!("download of {}", from.name));
    let moved = until_stopped(site, async {
        Ok(bucket(&from.bucket, site).await?.download(&name, &file, &watch).await?)
    })
    .await?;
    watch.done();
    let moved = Moved { bucket: &from.bucket, name: name.as_str(), file: &file, size_bytes: moved.bytes };
    site.printer.result(&moved, || format!("{}, {}", file.display(), size_text(moved.size_bytes)))
}

async fn delete(places: &[Place], site: &Site<'_>) -> Result<(), Error> {
    // All names first: a wrong one shall not leave half of them deleted.
    let mut names = Vec::new();
    for place in places {
        names.push((place.bucket.as_str(), object_name(&place.name)?));
    }
    until_stopped(site, async {
        let store = site.open().await?.objects().await?;
        for (bucket, name) in &names {
            store.bucket(bucket).await?.delete(name).await?;
        }
        Ok(())
    })
    .await?;
    site.printer.done()
}

/// A signed URL, which is what was asked for: it is shown.
#[derive(Serialize)]
struct SignedUrl {
    method: &'static str,
    url: String,
    /// What has to be sent with it.
    headers: Vec<Header>,
    expires_at: String,
}

#[derive(Serialize)]
struct Header {
    name: String,
    value: String,
}

async fn url(object: &Place, method: Method, expires: Duration, site: &Site<'_>) -> Result<(), Error> {
    let name = object_name(&object.name)?;
    let action = match method {
        Method::Read => PresignedAction::Read,
        Method::Write => PresignedAction::Write,
    };
    let signed = bucket(&object.bucket, site).await?.presign(action, &name, expires).await?;
    let headers = signed.headers.into_iter().map(|(name, value)| Header { name, value }).collect();
    let url = SignedUrl {
        method: signed.method,
        url: signed.url.expose().to_owned(),
        headers,
        expires_at: signed.expires.to_string(),
    };
    site.printer.result(&url, || url.url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_takes_the_files_name_where_it_has_none() {
        let name = |file: &str, given: &str| name_for(Path::new(file), given).ok();
        assert_eq!(name("a/db.dump", ""), Some("db.dump".to_owned()));
        assert_eq!(name("a/db.dump", "2026/"), Some("2026/db.dump".to_owned()));
        assert_eq!(name("a/db.dump", "2026"), Some("2026".to_owned()));
        assert_eq!(name("..", ""), None);
    }
}
