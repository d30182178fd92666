//! Files and folders, from here to there, from there to here, and between two remote machines.

mod digester;
mod file;
mod files;
mod local;
mod pattern;
mod plan;
mod progress;
mod remote;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use futures_util::{StreamExt, TryStreamExt, stream};

use self::file::Kind;
use self::files::Files;
use self::plan::{Item, Plan};
use self::progress::Tally;
pub use self::progress::{CopyCallback, CopyProgress};
use self::transfer::Sides;
use crate::connection::Connection;
use crate::error::Error;

/// How many files are on their way at once: small ones are mostly waiting.
const FILES_AT_ONCE: usize = 6;

/// How often a copy goes on by itself after the connection was lost.
const RESUMPTIONS: usize = 2;

/// A place for files.
#[derive(Clone)]
pub enum Place {
    /// On this machine.
    Local(PathBuf),
    /// On another. A path that does not begin with `/` begins at the user's home (root's with
    /// [`CopyOptions::sudo`]).
    Remote {
        /// The machine.
        connection: Connection,
        /// The path there.
        path: String,
    },
}

/// How to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    /// Reads and writes as root on remote machines. Default: no.
    pub sudo: bool,
    /// Compares the digests of what was sent and what arrived, which the machines reckon themselves: needs
    /// `sha256sum` there. Without it, what is there from an interrupted copy is written anew. Default: yes.
    pub verify: bool,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { sudo: false, verify: true }
    }
}

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many files.
    pub files: u64,
    /// How many bytes were moved.
    pub moved_bytes: u64,
    /// How many were there already from an interrupted copy.
    pub resumed_bytes: u64,
    /// Devices, pipes and sockets, which are not copied.
    pub skipped: Vec<String>,
}

/// Copies files and folders, as `cp -R` places them: into the destination if that is a folder, ends with `/`,
/// or if there are several sources; otherwise under its name. Patterns (`*`, `?`, `[…]`) in sources mean what
/// matches, unless there is a file of that very name. Between two remote machines the bytes go through this one.
///
/// Permissions (but not the bits that let a program run as its owner) and times of change are kept, owners are
/// not. A link that is named is followed; those that match a pattern or lie in folders are copied as links. Devices
/// and the like are skipped. Each file is written as
/// `.NAME.skywright-part` beside its place and renamed when its digest is right, so that it is there whole or
/// not at all; such a part of an interrupted copy is gone on with if it is the source's beginning. Two copies to
/// one place at once disturb each other's parts, which the digest finds out.
///
/// If the connection is lost, it goes on over a new one, through the other gateway if need be, twice.
///
/// # Errors
///
/// Any of [`Client::connect`](crate::Client::connect)'s; [`Error::Local`], [`Error::Remote`],
/// [`Error::Changed`], [`Error::Digest`]; [`Error::Lost`] if it could not be gone on with. Files before the one
/// that failed are there. Sources on different machines are [`Error::Invalid`].
pub async fn copy(
    sources: &[Place],
    destination: &Place,
    options: &CopyOptions,
    progress: Option<CopyCallback<'_>>,
) -> Result<Copied, Error> {
    let first = sources.first().ok_or_else(|| Error::invalid("sources", "there are none"))?;
    if sources.iter().any(|source| source.hop() != first.hop()) {
        return Err(Error::invalid("sources", "they lie on different machines"));
    }
    let mut sides = open(first, destination, options).await?;
    let plan = plan(&sides, sources, destination).await?;
    let tally = Tally::new(progress, plan.total_bytes(), plan.files());
    let mut done = vec![false; plan.items.len()];
    let mut left = RESUMPTIONS;
    loop {
        match carry_out(&sides, &plan, &mut done, options, &tally).await {
            Ok(()) => break,
            Err(Error::Lost { .. }) if left > 0 => left -= 1,
            Err(error) => return Err(error),
        }
        sides = open(first, destination, options).await?;
    }
    let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    Ok(Copied {
        files: plan.files(),
        moved_bytes: load(&tally.moved_bytes),
        resumed_bytes: load(&tally.resumed_bytes),
        skipped: plan.skipped,
    })
}

async fn open(source: &Place, destination: &Place, options: &CopyOptions) -> Result<Sides, Error> {
    let (source, destination) =
        tokio::try_join!(Files::open(source, options), Files::open(destination, options))?;
    Ok(Sides { source, destination })
}

async fn plan(sides: &Sides, sources: &[Place], destination: &Place) -> Result<Plan, Error> {
    let to = destination.path()?;
    let there = sides.destination.metadata(to, true).await?;
    let is_folder = there.is_some_and(|there| there.kind == Kind::Folder);
    let mut several = sources.len() > 1;
    let mut plan = Plan::default();
    for source in sources {
        let path = source.path()?;
        several |= path.contains(['*', '?', '[']) && sides.source.metadata(path, true).await?.is_none();
        plan.add(&sides.source, path, to, is_folder || several || to.ends_with('/')).await?;
    }
    if (several || to.ends_with('/')) && !is_folder {
        sides.destination.make_folder(to.trim_end_matches('/')).await?;
    }
    Ok(plan)
}

/// Does what is not done yet: folders first, files, links, and then the folders' attributes, as a folder may
/// be one that nobody can write to.
async fn carry_out(
    sides: &Sides,
    plan: &Plan,
    done: &mut [bool],
    options: &CopyOptions,
    tally: &Tally<'_>,
) -> Result<(), Error> {
    let of = |kind: Kind| plan.items.iter().filter(move |item| item.metadata.kind == kind);
    for folder in of(Kind::Folder) {
        sides.destination.make_folder(&folder.to).await?;
    }
    let left: Vec<(usize, &Item)> = plan
        .items
        .iter()
        .enumerate()
        .filter(|(index, item)| {
            item.metadata.kind == Kind::File && !done.get(*index).copied().unwrap_or(true)
        })
        .collect();
    let transfers = left.into_iter().map(|(index, item)| async move {
        sides.transfer(item, options.verify, tally).await.map(|()| index)
    });
    let mut transfers = stream::iter(transfers).buffer_unordered(FILES_AT_ONCE);
    while let Some(index) = transfers.try_next().await? {
        if let Some(done) = done.get_mut(index) {
            *done = true;
        }
    }
    for link in of(Kind::Link) {
        let target = sides.source.read_link(&link.from).await?;
        sides.destination.make_link(&link.to, &target).await?;
    }
    for folder in of(Kind::Folder).collect::<Vec<_>>().into_iter().rev() {
        let metadata = folder.metadata;
        sides.destination.set_attributes(&folder.to, metadata.mode, metadata.modified_s).await?;
    }
    Ok(())
}

impl Place {
    /// A place on this machine.
    pub fn local(path: impl AsRef<Path>) -> Self {
        Self::Local(path.as_ref().to_owned())
    }

    /// A place on another machine.
    #[must_use]
    pub fn remote(connection: &Connection, path: impl Into<String>) -> Self {
        Self::Remote { connection: connection.clone(), path: path.into() }
    }

    fn path(&self) -> Result<&str, Error> {
        let path = match self {
            Self::Local(path) => path.to_str().ok_or_else(|| Error::invalid("path", "it is not UTF-8"))?,
            Self::Remote { path, .. } => path,
        };
        match path.contains('\0') {
            true => Err(Error::invalid("path", "there is a NUL in it")),
            false if path.is_empty() => Ok("."),
            false => Ok(path),
        }
    }
}
