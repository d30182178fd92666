//! `skywright plugin publish`, `yank` and `rotate-key`: what a repository's operator is sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use skywright_contract::{Manifest, Package};
use skywright_registry::tuf::operator::{OwnerRequest, RoleSigners};
use skywright_registry::tuf::publisher::{self, Draft, Release, Staged};
use skywright_registry::tuf::{Client, Layout, Namespace, Store, TargetPath, Verifier, Yanked};
use skywright_registry::{Error as RegistryError, read_plugin};

use super::installed;
use super::trust_args::{PublicationArgs, Publish, RotateKey, Yank};
use crate::error::Error;
use crate::output::Printer;
use crate::signers::{Signers, public_key};

pub(super) async fn publish(args: Publish, printer: &Printer) -> Result<(), Error> {
    let component = read_plugin(&args.file)?.bytes;
    let wrong = |source| RegistryError::Package { path: args.file.clone(), source };
    let manifest = Package::read(&component).map_err(wrong)?.manifest;
    let sbom_file = args.sbom.clone().unwrap_or_else(|| sbom_beside(&args.file));
    let sbom = read(&sbom_file)?;
    let docs = args.docs.as_deref().map(read).transpose()?;
    let namespace = Namespace::of(&manifest.id)?;
    let release = Release {
        component: &component,
        sbom: &sbom,
        docs: docs.as_deref(),
        source_revision: args.revision.clone(),
        others: BTreeMap::new(),
    };
    let mut draft = draft(&namespace, &args.publication).await?;
    draft.add(&release)?;
    let staged = sign(draft, &args.publication)?;
    tell(&manifest, &namespace, &args.publication, &staged, printer)
}

/// As `plugin build` names it.
fn sbom_beside(file: &Path) -> PathBuf {
    file.with_extension("cdx.json")
}

fn tell(
    manifest: &Manifest,
    namespace: &Namespace,
    publication: &PublicationArgs,
    staged: &Staged,
    printer: &Printer,
) -> Result<(), Error> {
    let out = publication.out.display();
    let files: Vec<_> = staged.files.keys().collect();
    let result =
        json!({ "files": files, "folder": publication.out, "id": manifest.id, "version": manifest.version });
    printer.result(&result, || {
        format!(
            "signed {} {}\n\nnext, whoever runs {} admits it:\n  skywright registry admit FOLDER {namespace} {out} --key …",
            manifest.id, manifest.version, publication.repo
        )
    })
}

pub(super) async fn yank(args: Yank, printer: &Printer) -> Result<(), Error> {
    let namespace = Namespace::of(&args.plugin.id)?;
    let path = TargetPath::of(&args.plugin.id, &args.plugin.version, TargetPath::COMPONENT)?;
    let mut draft = draft(&namespace, &args.publication).await?;
    draft.yank(&path, &Yanked { reason: args.reason.clone(), replacement: args.replacement.clone() })?;
    let staged = sign(draft, &args.publication)?;
    done(
        &format!("took {} {} back", args.plugin.id, args.plugin.version),
        &namespace,
        &args.publication,
        &staged,
        printer,
    )
}

pub(super) async fn rotate_key(args: RotateKey, printer: &Printer) -> Result<(), Error> {
    let keys = |files: &[PathBuf]| files.iter().map(|file| public_key(file)).collect::<Result<Vec<_>, _>>();
    let metadata = match &args.on_top_of {
        Some(folder) => files_of(folder)?,
        None => metadata(&args.namespace, &args.publication).await?,
    };
    let mut draft = Draft::new(args.namespace.clone(), &metadata)?;
    if args.release.is_empty() {
        draft.renew_owner();
    } else {
        draft.set_release_keys(&RoleSigners { keys: keys(&args.release)?, threshold: args.threshold });
    }
    if !args.owners.is_empty() {
        let owners = RoleSigners { keys: keys(&args.owners)?, threshold: args.threshold };
        return new_owners(&args, &owners, draft, &metadata, printer);
    }
    let staged = sign(draft, &args.publication)?;
    let who = if args.release.is_empty() { "the owner's keys signed" } else { "other keys release in" };
    done(&format!("{who} {}", args.namespace), &args.namespace, &args.publication, &staged, printer)
}

/// The role, signed by its owners before and after, and beside it what the operator is asked for.
fn new_owners(
    args: &RotateKey,
    owners: &RoleSigners,
    draft: Draft,
    metadata: &BTreeMap<String, Vec<u8>>,
    printer: &Printer,
) -> Result<(), Error> {
    let publication = &args.publication;
    let replaces = publisher::owners(&args.namespace, metadata)?;
    let now = jiff::Timestamp::now();
    let signers = open_owners(publication)?;
    let request = OwnerRequest::new(args.namespace.clone(), owners, replaces, now);
    let signed = request.sign(&signers.as_slice())?;
    // The role itself is the new owners' alone by the time that anybody reads it.
    let mut after = signers.as_slice();
    after.retain(|signer| owners.keys.contains(&signer.public_key()));
    draft.sign(&after, &[], now)?.write(&publication.out)?;
    let request = publication.out.with_extension("request.json");
    std::fs::write(&request, signed).map_err(|source| {
        Error::Core(skywright_core::Error::File { action: "write", path: request.clone(), source })
    })?;
    let result = json!({ "folder": publication.out, "request": request });
    printer.result(&result, || {
        format!(
            "other keys own {0}, once it is accepted:\n  skywright registry delegate FOLDER {0} --request {1} --publication {2} --key …",
            args.namespace,
            request.display(),
            publication.out.display()
        )
    })
}

/// The metadata files of a folder, such as that of a repository, unverified.
fn files_of(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let failed =
        |source| Error::Core(skywright_core::Error::File { action: "read", path: folder.to_owned(), source });
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|it| it.ends_with(".json"))
        {
            files.insert(name.to_owned(), read(&path)?);
        }
    }
    Ok(files)
}

fn done(
    what: &str,
    namespace: &Namespace,
    publication: &PublicationArgs,
    staged: &Staged,
    printer: &Printer,
) -> Result<(), Error> {
    let files: Vec<_> = staged.files.keys().collect();
    let result = json!({ "files": files, "folder": publication.out });
    printer.result(&result, || {
        let out = publication.out.display();
        format!("{what}, once it is admitted:\n  skywright registry admit FOLDER {namespace} {out} --key …")
    })
}

/// On top of what the repository has of the namespace by now, seen by a client with new eyes: what is published
/// has to follow what is there, not what this machine has seen before.
async fn draft(namespace: &Namespace, publication: &PublicationArgs) -> Result<Draft, Error> {
    Ok(Draft::new(namespace.clone(), &metadata(namespace, publication).await?)?)
}

/// The metadata that a new client needs for the namespace, verified.
async fn metadata(
    namespace: &Namespace,
    publication: &PublicationArgs,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let installed = installed(&publication.sandbox)?;
    let installer = publication.reach.installer(&installed)?;
    let repository = installer.repositories().get(&publication.repo)?.clone();
    let root = Store::open(&installed.places().metadata(&repository.name)).pinned_root()?;
    let now = jiff::Timestamp::now();
    let mut first = None;
    for url in &repository.urls {
        let transport = publication.reach.transport(url)?;
        let mut client = Client::new(Store::in_memory(&root), transport, Layout::Publishers);
        let metadata = match client.refresh(now).await {
            Ok(_) => client.metadata(std::slice::from_ref(namespace), now).await,
            Err(error) => Err(error),
        };
        match metadata {
            Ok(metadata) => return Ok(metadata),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(RegistryError::NoPlace { name: publication.repo.clone() }).into())
}

fn sign(draft: Draft, publication: &PublicationArgs) -> Result<Staged, Error> {
    let releasers: Signers = publication.signers.open()?;
    let owners = open_owners(publication)?;
    let staged = draft.sign(&owners.as_slice(), &releasers.as_slice(), jiff::Timestamp::now())?;
    staged.write(&publication.out)?;
    Ok(staged)
}

fn open_owners(publication: &PublicationArgs) -> Result<Signers, Error> {
    let mut owners = Signers::none();
    for file in &publication.owner_keys {
        owners.add_file(file, &publication.signers.passphrase)?;
    }
    Ok(owners)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| {
        Error::Core(skywright_core::Error::File { action: "read", path: path.to_owned(), source })
    })
}
