//! `skywright registry …`: running a repository of signed plugins.

mod args;
mod serve;

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use skywright_contract::Digest;
use skywright_registry::tuf::operator::{Lifetimes, Operator, RoleSigners, TopLevelKeys};
use skywright_registry::tuf::{HexDigest, RevokedPlugin, RevokedSubject, Versions};
use skywright_registry_oci::push_repository;

pub(crate) use args::RegistryCommand;
use args::{Admit, Change, Delegate, Init, LifetimeArgs, Push, Revoke, RoleArgs, RotateRoot, Verify};

use crate::error::Error;
use crate::output::{Printer, table};
use crate::signers::{PassphraseArgs, Signers, public_key};

pub(crate) async fn run(command: RegistryCommand, printer: &Printer) -> Result<(), Error> {
    match command {
        RegistryCommand::Init(args) => init(&args, printer),
        RegistryCommand::Delegate(args) => delegate(&args, printer),
        RegistryCommand::Admit(args) => admit(&args, printer),
        RegistryCommand::Revoke(args) => revoke(args, printer),
        RegistryCommand::Refresh(args) => {
            let versions = operator(&args).refresh(&args.signers.open()?.as_slice(), Timestamp::now())?;
            changed("renewed", versions, printer)
        }
        RegistryCommand::RotateRoot(args) => rotate_root(&args, printer),
        RegistryCommand::Verify(args) => verify(&args, printer),
        RegistryCommand::Push(args) => push(args, printer).await,
        RegistryCommand::Serve(args) => serve::run(&args, printer).await,
    }
}

async fn push(args: Push, printer: &Printer) -> Result<(), Error> {
    let access = args.oci.access(args.ca_file.as_deref())?;
    let place = args.location.to_string();
    let pushed = push_repository(&args.folder, args.location, &access).await?;
    printer.result(&pushed, || {
        format!(
            "{place} has {} plugins and files of the repository's own, in {} files, and {} files of metadata",
            pushed.artifacts, pushed.files, pushed.metadata
        )
    })
}

fn operator(change: &Change) -> Operator {
    Operator::open(&change.folder).with_lifetimes(lifetimes(&change.lifetimes))
}

fn lifetimes(args: &LifetimeArgs) -> Lifetimes {
    let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
    Lifetimes {
        timestamp: days(args.timestamp_days),
        snapshot: days(args.snapshot_days.max(args.timestamp_days)),
        ..Lifetimes::default()
    }
}

/// The repository's keys; those whose private half is here are opened to sign.
fn top_level(
    roles: &RoleArgs,
    signers: &mut Signers,
    passphrase: &PassphraseArgs,
) -> Result<TopLevelKeys, Error> {
    if let Some(all) = &roles.all {
        return Ok(TopLevelKeys::one(one_key(all, signers, passphrase)?));
    }
    let mut role = |files: &[PathBuf], threshold| -> Result<RoleSigners, Error> {
        let keys = files.iter().map(|file| one_key(file, signers, passphrase)).collect::<Result<_, _>>()?;
        Ok(RoleSigners { keys, threshold })
    };
    Ok(TopLevelKeys {
        root: role(&roles.root, roles.root_threshold)?,
        targets: role(&roles.targets, roles.targets_threshold)?,
        snapshot: role(&roles.snapshot, 1)?,
        timestamp: role(&roles.timestamp, 1)?,
    })
}

fn one_key(
    file: &Path,
    signers: &mut Signers,
    passphrase: &PassphraseArgs,
) -> Result<skywright_registry::tuf::PublicKey, Error> {
    match skywright_registry::KeyFile::read(file) {
        Ok(_) => signers.add_file(file, passphrase),
        Err(_) => public_key(file),
    }
}

fn init(args: &Init, printer: &Printer) -> Result<(), Error> {
    let mut signers = args.signers.open()?;
    let keys = top_level(&args.roles, &mut signers, &args.signers.passphrase)?;
    let now = Timestamp::now();
    let made = Operator::init(&args.folder, &keys, lifetimes(&args.lifetimes), &signers.as_slice(), now)?;
    let root = Digest::of(&made.first_root()?);
    let file = args.folder.join("metadata/1.root.json");
    let result = json!({ "folder": args.folder, "root": root, "root_file": file });
    printer.result(&result, || {
        format!(
            "made a repository in {}\nits root is {root}: give users that, or {}, another way than from the repository itself",
            args.folder.display(),
            file.display()
        )
    })
}

fn delegate(args: &Delegate, printer: &Printer) -> Result<(), Error> {
    let (operator, signers, now) = (operator(&args.change), args.change.signers.open()?, Timestamp::now());
    let versions = match &args.request {
        Some(file) => {
            let request = std::fs::read(file).map_err(|source| {
                Error::Core(skywright_core::Error::File { action: "read", path: file.clone(), source })
            })?;
            operator.accept(&request, args.publication.as_deref(), &signers.as_slice(), now)?
        }
        None => {
            let keys = args.owners.iter().map(|file| public_key(file)).collect::<Result<_, _>>()?;
            let owners = RoleSigners { keys, threshold: args.threshold };
            operator.delegate(&args.namespace, &owners, &signers.as_slice(), now)?
        }
    };
    changed(&format!("{} belongs to its owner", args.namespace), versions, printer)
}

fn admit(args: &Admit, printer: &Printer) -> Result<(), Error> {
    let (operator, signers) = (operator(&args.change), args.change.signers.open()?);
    let admitted =
        operator.admit(&args.namespace, &args.publication, &signers.as_slice(), Timestamp::now())?;
    let result =
        json!({ "added": admitted.added, "removed": admitted.removed, "versions": admitted.versions });
    printer.result(&result, || {
        let added = admitted.added.iter().map(|path| format!("added {path}"));
        let removed = admitted.removed.iter().map(|path| format!("removed {path}"));
        let lines: Vec<_> = added.chain(removed).collect();
        if lines.is_empty() { "admitted; no file is new".to_owned() } else { lines.join("\n") }
    })
}

fn revoke(args: Revoke, printer: &Printer) -> Result<(), Error> {
    let (operator, signers, now) = (operator(&args.change), args.change.signers.open()?, Timestamp::now());
    let subject = match (args.digest, args.key_id, args.plugin) {
        (Some(digest), _, _) => RevokedSubject::Digest(HexDigest(digest)),
        (_, Some(key), _) => RevokedSubject::Key(key),
        (_, _, Some(plugin)) => RevokedSubject::Versions { plugin, versions: args.versions },
        // The parser asks for one of them.
        (None, None, None) => return Ok(()),
    };
    let entry = RevokedPlugin { subject, reason: args.reason, advisory: args.advisory, revoked: now };
    changed("revoked", operator.revoke(entry, &signers.as_slice(), now)?, printer)
}

fn rotate_root(args: &RotateRoot, printer: &Printer) -> Result<(), Error> {
    let mut signers = args.change.signers.open()?;
    let keys = top_level(&args.roles, &mut signers, &args.change.signers.passphrase)?;
    let versions = operator(&args.change).rotate_root(&keys, &signers.as_slice(), Timestamp::now())?;
    changed(&format!("root {} is signed by old and new keys", versions.root), versions, printer)
}

fn changed(what: &str, versions: Versions, printer: &Printer) -> Result<(), Error> {
    printer.result(&json!({ "versions": versions }), || {
        format!(
            "{what}; timestamp {}, snapshot {}, targets {}",
            versions.timestamp, versions.snapshot, versions.targets
        )
    })
}

fn verify(args: &Verify, printer: &Printer) -> Result<(), Error> {
    let report = Operator::open(&args.folder).verify(args.files, Timestamp::now())?;
    printer.result(&report, || {
        let rows = report.publishers.iter().map(|it| {
            let expires = it.expires.map_or_else(|| "-".to_owned(), |time| time.to_string());
            let problem = it.problem.clone().unwrap_or_default();
            [it.namespace.to_string(), it.files.to_string(), expires, problem]
        });
        let head = format!("a new client accepts it until {}\n\n", report.expires);
        head + &table(["namespace", "files", "until", "problem"], rows)
    })
}
