//! `skywright bundle …`: plugins across a gap.

mod args;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use skywright_core::Home;
use skywright_registry::bundle::{
    Bundle, Desk, Limits, Loaded, Policy, Roots, Selection, Since, Trust, Validity, Verified, renew, save,
    verify, vet,
};
use skywright_registry::tuf::{Client, Layout, Store};
use skywright_registry::{
    Error as RegistryError, Installed, Installer, Options, Reach, Repositories, Repository,
};

use skywright_registry_oci::{pull_bundle, push_bundle};

pub(crate) use args::BundleCommand;
use args::{Out, Push, Renew, Save, Take, Vet};

use crate::error::Error;
use crate::output::{Printer, table};
use crate::plugin::installed;
use crate::reach::{BUNDLE_SITE, BUNDLE_UPSTREAM, ReachArgs, is_bundled};

pub(crate) async fn run(command: BundleCommand, printer: &Printer) -> Result<(), Error> {
    match command {
        BundleCommand::Save(args) => save_bundle(&args, printer).await,
        BundleCommand::Inspect(args) => inspect(&args.bundle, printer),
        BundleCommand::Vet(args) => vet_bundle(&args, printer).await,
        BundleCommand::Verify(args) => {
            let inside = Inside::new(&args)?;
            let verified = inside.verify(&open(&args.bundle)?).await?;
            show(&verified, "is good", printer)
        }
        BundleCommand::Load(args) => load(&args, printer).await,
        BundleCommand::Push(args) => push(args, printer).await,
        BundleCommand::Pull(args) => pull(args, printer).await,
        BundleCommand::Renew(args) => renew_bundle(&args, printer),
    }
}

fn open(path: &Path) -> Result<Bundle, Error> {
    Ok(Bundle::open(path, Limits::default())?)
}

async fn save_bundle(args: &Save, printer: &Printer) -> Result<(), Error> {
    let installed = Installed::new(Home::from_env()?.registry_places(args.lock_file.clone()));
    let repositories = Repositories::read(&installed.places().repositories_file())?;
    let repository = repositories.get(&args.repo)?;
    let mut plugins: Vec<_> = args.plugins.iter().map(|it| (it.id.clone(), it.version.clone())).collect();
    if plugins.is_empty() {
        let locked = installed.lock()?.plugins.into_iter();
        plugins =
            locked.filter(|(_, it)| it.repository == args.repo).map(|(id, it)| (id, it.version)).collect();
    }
    let since =
        args.since.as_deref().map(|path| open(path).map(|bundle| Since::bundle(&bundle))).transpose()?;
    let selection = Selection { plugins, since, artifacts: args.artifacts.clone() };
    let mut first = None;
    for (url, transport) in args.reach.transports(repository) {
        let store = Store::open(&installed.places().metadata(&repository.name));
        let saved = match transport {
            Ok(transport) => {
                let mut client = Client::new(store, transport, Layout::Publishers);
                save(&mut client, &selection, Timestamp::now(), &args.out).await
            }
            Err(error) => Err(error),
        };
        match saved {
            Ok(saved) => {
                return printer.result(&saved, || {
                    let rows = saved.files.iter().map(|file| {
                        let left_out = if file.is_left_out { "left out" } else { "" };
                        [file.path.to_string(), file.length_bytes.to_string(), left_out.to_owned()]
                    });
                    format!("{}\n\n{}", saved.id, table(["file", "bytes", ""], rows))
                });
            }
            Err(error) => {
                crate::output::notice(&format!("{}: {url}: {error}", args.repo));
                first = first.or(Some(error));
            }
        }
    }
    Err(first.unwrap_or(RegistryError::NoPlace { name: args.repo.clone() }).into())
}

async fn push(args: Push, printer: &Printer) -> Result<(), Error> {
    let (access, place) = (args.oci.access(args.ca_file.as_deref())?, args.location.to_string());
    let bundle = open(&args.bundle)?;
    push_bundle(&bundle, args.location, &args.tag, &access).await?;
    let result = json!({ "location": place, "tag": args.tag });
    printer.result(&result, || format!("{place} has it as {}", args.tag))
}

async fn pull(args: Push, printer: &Printer) -> Result<(), Error> {
    let (access, place) = (args.oci.access(args.ca_file.as_deref())?, args.location.to_string());
    let digest = pull_bundle(args.location, &args.tag, &access, &args.bundle).await?;
    let result = json!({ "location": place, "sha256": digest, "tag": args.tag });
    printer.result(&result, || format!("{digest}; nothing of it is verified"))
}

fn inspect(path: &Path, printer: &Printer) -> Result<(), Error> {
    let inspection = open(path)?.inspect()?;
    printer.result(&inspection, || {
        let rows = inspection.artifacts.iter().flat_map(|artifact| {
            artifact.files.iter().map(move |file| {
                let held = if file.is_held { "" } else { "left out" };
                [artifact.name.clone(), file.name.clone(), file.length_bytes.to_string(), held.to_owned()]
            })
        });
        let vetted = if inspection.site.is_empty() { "not vetted" } else { "vetted" };
        let head = format!("{}, {vetted}; nothing of it is verified\n\n", inspection.id);
        head + &table(["artifact", "file", "bytes", ""], rows)
    })
}

async fn vet_bundle(args: &Vet, printer: &Printer) -> Result<(), Error> {
    let signers = args.out.signers.open()?;
    let signers = signers.as_slice();
    let root = args.root.as_deref().map(read).transpose()?;
    let desk = Desk {
        folder: &args.site,
        signer: *one(&signers)?,
        upstream_root: root.as_deref(),
        validity: validity(&args.out),
        by: &args.by,
        ticket: args.ticket.as_deref(),
    };
    let vetted = vet(&open(&args.bundle)?, &desk, Timestamp::now(), &args.out.out).await?;
    printer.result(&vetted, || {
        format!(
            "signed for {} files, as of {}\nthe site's root is {}: those inside need it, or {}, another way than the bundle",
            vetted.files.len(),
            vetted.vetting.upstream_as_of,
            vetted.site_root_sha256,
            args.site.join("metadata/1.root.json").display()
        )
    })
}

fn renew_bundle(args: &Renew, printer: &Printer) -> Result<(), Error> {
    let signers = args.out.signers.open()?;
    let signers = signers.as_slice();
    let id =
        renew(&open(&args.bundle)?, *one(&signers)?, validity(&args.out), Timestamp::now(), &args.out.out)?;
    printer.result(&json!({ "id": id }), || format!("{id}, signed anew"))
}

fn one<T>(signers: &[T]) -> Result<&T, Error> {
    match signers {
        [one] => Ok(one),
        _ => Err(Error::Usage {
            message: "the site's key is needed, and no other".to_owned(),
            hint: Some("give --key FILE, or --signer PUBLIC_KEY_FILE=COMMAND".to_owned()),
        }),
    }
}

fn validity(out: &Out) -> Validity {
    Validity { fresh: SignedDuration::from_hours(24 * i64::from(out.fresh_days)), ..Validity::default() }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| {
        Error::Core(skywright_core::Error::File { action: "read", path: path.to_owned(), source })
    })
}

/// A place without a network: its repositories, and by whose word bundles are taken.
struct Inside {
    installed: Installed,
    upstream: Repository,
    site: Option<Repository>,
    policy: Policy,
}

impl Inside {
    fn new(args: &Take) -> Result<Self, Error> {
        let installed = installed(&args.sandbox)?;
        let repositories = Repositories::read(&installed.places().repositories_file())?.repositories;
        let of = |url: &str| repositories.iter().find(|it| it.urls.iter().any(|own| own == url)).cloned();
        let upstream = of(BUNDLE_UPSTREAM).ok_or_else(|| Error::NotFound {
            message: "no repository is reached by bundles".to_owned(),
            hint: Some(format!("`skywright repo add main {BUNDLE_UPSTREAM} --root FILE --offline` adds one")),
        })?;
        let site = of(BUNDLE_SITE);
        let policy = match (&site, args.max_staleness) {
            (_, Some(age)) => Policy::UpstreamOnly {
                max_staleness: SignedDuration::try_from(age.duration()).unwrap_or(SignedDuration::ZERO),
            },
            (Some(_), None) => Policy::Vetted,
            (None, None) => {
                return Err(Error::Usage {
                    message: "the site has no repository of its own, so nobody has vetted it".to_owned(),
                    hint: Some(format!(
                        "`skywright repo add site {BUNDLE_SITE} --site --root FILE --offline` adds it, or --max-staleness AGE takes the publisher's word alone"
                    )),
                });
            }
        };
        Ok(Self { installed, upstream, site, policy })
    }

    fn root(&self, repository: &Repository) -> Result<Vec<u8>, Error> {
        Ok(Store::open(&self.installed.places().metadata(&repository.name)).pinned_root()?)
    }

    /// With new eyes: what was brought in before neither helps nor is changed.
    async fn verify(&self, bundle: &Bundle) -> Result<Verified, Error> {
        let site = match (&self.site, self.policy) {
            (Some(site), Policy::Vetted) => Some(Store::in_memory(&self.root(site)?)),
            _ => None,
        };
        let trust =
            Trust { upstream: Store::in_memory(&self.root(&self.upstream)?), site, policy: self.policy };
        Ok(verify(bundle, trust, Some(&self.installed.content_store()), Timestamp::now()).await?)
    }
}

async fn load(args: &Take, printer: &Printer) -> Result<(), Error> {
    let inside = Inside::new(args)?;
    let places = inside.installed.places();
    let (upstream, site) = (inside.root(&inside.upstream)?, inside.site.as_ref().map(|it| inside.root(it)));
    let site = site.transpose()?;
    let roots = Roots { upstream: &upstream, site: site.as_deref() };
    let loaded = Loaded::new(places.bundles(), inside.installed.content_store());
    let now = Timestamp::now();
    let verified = loaded.load(&open(&args.bundle)?, roots, inside.policy, now).await?;
    // What is installed is looked at again, by what came in.
    let reach = FromBundle;
    let mut installer = Installer::new(&inside.installed, &reach, Options::default(), now)?;
    installer.refresh(inside.upstream.name.as_str()).await?;
    if let (Some(site), Policy::Vetted) = (&inside.site, inside.policy) {
        installer.refresh(site.name.as_str()).await?;
    }
    show(&verified, "is loaded", printer)
}

/// The places that a bundle fills, and no others.
struct FromBundle;

impl Reach for FromBundle {
    fn transports(
        &self,
        repository: &Repository,
    ) -> Vec<(String, Result<std::sync::Arc<dyn skywright_registry::tuf::Transport>, RegistryError>)> {
        let urls = repository.urls.iter().filter(|url| is_bundled(url));
        urls.map(|url| (url.clone(), ReachArgs::bundled(url))).collect()
    }

    fn as_of(&self, repository: &Repository) -> Option<Timestamp> {
        ReachArgs::bundled_as_of(repository)
    }
}

fn show(verified: &Verified, what: &str, printer: &Printer) -> Result<(), Error> {
    printer.result(verified, || {
        let rows = verified.files.iter().map(|file| {
            let by = file.vetting.as_ref().map_or_else(|| "-".to_owned(), |vetting| vetting.by.clone());
            [file.upstream.path.to_string(), file.upstream.length_bytes.to_string(), by]
        });
        let head = format!("{} {what}, as of {}\n\n", verified.id, verified.as_of);
        head + &table(["file", "bytes", "vetted by"], rows)
    })
}
