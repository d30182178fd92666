//! `skywright repo …`: the repositories that plugins may be from.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use skywright_contract::Digest;
use skywright_registry::tuf::HexDigest;
use skywright_registry::{
    Installed, Repositories, Repository, RepositoryKind, RepositoryName, Standing, add_repository,
};

use crate::args::Sandbox;
use crate::error::Error;
use crate::output::Printer;
use crate::plugin::installed;
use crate::question::confirm;
use crate::reach::{ReachArgs, is_bundled, tell};
use crate::site::Yes;

/// The largest root that is read, in bytes.
const MAX_ROOT_BYTES: u64 = 512_000;

#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// Trust a repository, from its root metadata on.
    #[command(
        after_help = "Examples:\n  skywright repo add main https://plugins.example.org --root root.json\n  skywright repo add main https://plugins.example.org https://mirror.example.org/plugins\n  skywright repo add site /srv/vetted --site --root site-root.json\n\nWithout --root, the root that the repository itself has is shown by its digest, to be compared with one that\nyou got another way."
    )]
    Add(RepoAdd),
    /// List the repositories, and what is known of each.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright repo list -o json")]
    List(Sandbox),
    /// Fetch and verify what is new: versions, and what must not run any more.
    #[command(after_help = "Examples:\n  skywright repo update\n  skywright repo update main")]
    Update(RepoUpdate),
    /// Forget a repository. What is installed from it does not run until it is added again.
    #[command(after_help = "Example:\n  skywright repo remove main")]
    Remove(RepoRemove),
}

#[derive(Debug, Args)]
pub(crate) struct RepoAdd {
    /// Its name here.
    name: RepositoryName,
    /// Where it is: a URL or a folder; more of them are mirrors, tried in order.
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// Its root metadata, got another way than from the repository itself.
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// It is the site's own, and lists what the site vetted.
    #[arg(long)]
    site: bool,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct RepoUpdate {
    /// Which; all by default.
    names: Vec<String>,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct RepoRemove {
    /// Which.
    name: String,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    sandbox: Sandbox,
}

pub(crate) async fn run(command: RepoCommand, printer: &Printer) -> Result<(), Error> {
    match command {
        RepoCommand::Add(args) => add(args, printer).await,
        RepoCommand::List(sandbox) => list(&installed(&sandbox)?, printer),
        RepoCommand::Update(args) => update(args, printer).await,
        RepoCommand::Remove(args) => remove(&args, printer),
    }
}

async fn add(args: RepoAdd, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let urls: Vec<_> = args.urls.iter().map(|url| absolute(url)).collect();
    let root = match &args.root {
        Some(file) => std::fs::read(file).map_err(|source| {
            Error::Core(skywright_core::Error::File { action: "read", path: file.clone(), source })
        })?,
        None => offered_root(&args, &urls).await?,
    };
    let digest = Digest::of(&root);
    if args.root.is_none() {
        let question = format!("The root of {} is {digest}.\nIs that the one you were told?", urls[0]);
        confirm(&question, args.yes.yes)?;
    }
    let kind = if args.site { RepositoryKind::Site } else { RepositoryKind::Upstream };
    let repository = Repository { name: args.name.clone(), kind, root_sha256: HexDigest(digest), urls };
    add_repository(&installed, repository, &root)?;
    if args.reach.offline {
        return printer
            .result(&json!({ "name": args.name, "root": digest }), || format!("added {}", args.name));
    }
    let mut installer = args.reach.installer(&installed)?;
    let refreshed = installer.refresh(args.name.as_str()).await;
    if refreshed.is_err() {
        // What cannot be verified from this root is not that repository, or not now.
        Repositories::change(&installed.places().repositories_file(), |it| it.remove(args.name.as_str()))?;
    }
    let refreshed = refreshed?;
    tell(installer.failures());
    let result = json!({ "expires": refreshed.expires, "name": args.name, "root": digest, "versions": refreshed.versions });
    printer.result(&result, || format!("added {}, trusted from {digest}", args.name))
}

/// Folders are written down as they are from anywhere.
fn absolute(url: &str) -> String {
    if url.contains("://") || is_bundled(url) {
        return url.to_owned();
    }
    let path = std::fs::canonicalize(url).or_else(|_| std::path::absolute(url));
    path.map_or_else(|_| url.to_owned(), |path| path.display().to_string())
}

/// The first root that the repository has.
async fn offered_root(args: &RepoAdd, urls: &[String]) -> Result<Vec<u8>, Error> {
    let transport = args.reach.transport(&urls[0])?;
    let root = transport.metadata("1.root.json", MAX_ROOT_BYTES).await?;
    root.ok_or_else(|| Error::NotFound {
        message: format!("{} has no root metadata", transport.location()),
        hint: Some("name the folder or URL that has `metadata/` in it, or give --root".to_owned()),
    })
}

fn list(installed: &Installed, printer: &Printer) -> Result<(), Error> {
    let places = installed.places();
    let repositories = Repositories::read(&places.repositories_file())?.repositories;
    let mut views: Vec<Value> = Vec::new();
    for repository in repositories {
        let standing = Standing::read(&places.repository(&repository.name))?;
        views.push(json!({
            "expires": standing.as_ref().map(|it| it.expires),
            "kind": repository.kind,
            "name": repository.name,
            "plugins": standing.as_ref().map_or(0, |it| it.authorised.len()),
            "root": repository.root_sha256.0,
            "seen_fresh": standing.as_ref().map(|it| it.seen_fresh),
            "urls": repository.urls,
            "versions": standing.as_ref().map(|it| it.versions),
        }));
    }
    let head = ["name", "kind", "seen fresh", "expires", "url"];
    printer.list("repositories", &views, head, |view| {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let first = text(&view["urls"][0]);
        [text(&view["name"]), text(&view["kind"]), text(&view["seen_fresh"]), text(&view["expires"]), first]
    })
}

async fn update(args: RepoUpdate, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let mut installer = args.reach.installer(&installed)?;
    let all: Vec<_> = installer.repositories().repositories.iter().map(|it| it.name.to_string()).collect();
    let names = if args.names.is_empty() { all } else { args.names };
    let (mut updated, mut failed) = (Vec::new(), None);
    for name in names {
        match installer.refresh(&name).await {
            Ok(refreshed) => updated.push(refreshed),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    tell(installer.failures());
    if let Some(error) = failed {
        return Err(error.into());
    }
    let head = ["name", "from", "timestamp", "expires", "not listed any more", "not looked at"];
    printer.list("repositories", &updated, head, |it| {
        [
            it.name.clone(),
            it.url.clone(),
            it.versions.timestamp.to_string(),
            it.expires.to_string(),
            it.lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            it.stale.join(", "),
        ]
    })
}

fn remove(args: &RepoRemove, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let path = installed.places().repositories_file();
    Repositories::read(&path)?.get(&args.name)?;
    let lock = installed.lock()?;
    let from_it = lock.plugins.values().filter(|it| it.repository == args.name).count();
    if from_it > 0 {
        let question =
            format!("{from_it} installed plugins are from {}, and would not run. Forget it?", args.name);
        confirm(&question, args.yes.yes)?;
    }
    let removed = Repositories::change(&path, |it| it.remove(&args.name))?;
    printer.result(&removed, || format!("forgot {}", args.name))
}
