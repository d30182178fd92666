//! `skywright bucket …`.

mod args;

use std::path::{Path, PathBuf};

use skywright_core::Name;
use skywright_core::objects::{Direction, SyncOptions};
use skywright_core::operation::Change;
use skywright_core::resource::{BucketView, CreateBucket, DeleteBuckets, MountBucket, UnmountBucket};

pub(crate) use args::BucketCommand;
use args::{BucketDelete, BucketMount};

use crate::error::Error;
use crate::label;
use crate::object::{Moving, prefix, skipped, until_stopped};
use crate::site::Site;

pub(crate) async fn run(command: BucketCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        BucketCommand::List(which) => {
            let mut buckets = site.look().await?.buckets(which.all).await?;
            let filter = which.filter.filter();
            buckets.retain(|bucket| filter.matches(&bucket.labels, &bucket.tags));
            site.printer.list("buckets", &buckets, ["name", "state", "managed", "region", "created"], row)
        }
        BucketCommand::Create { name } => {
            let name: Name = name.parse()?;
            let tenancy = site.open().await?;
            site.run(&tenancy, &CreateBucket { name: name.clone() }).await?;
            site.printer.details(&tenancy.bucket(name.as_str()).await?)
        }
        BucketCommand::Inspect(which) => site.printer.details(&site.look().await?.bucket(&which.name).await?),
        BucketCommand::Delete(args) => delete(args, site).await,
        BucketCommand::Clear { name, yes } => {
            site.confirm(&format!("delete all objects of {name}?"), &yes)?;
            clear(&name, site).await
        }
        BucketCommand::Mount(args) => {
            let BucketMount { pair, path, read_only } = args;
            let change = MountBucket { bucket: pair.bucket.clone(), host: pair.host, path, read_only };
            change_one(&change, &pair.bucket, site).await
        }
        BucketCommand::Umount(pair) => {
            let change = UnmountBucket { bucket: pair.bucket.clone(), host: pair.host };
            change_one(&change, &pair.bucket, site).await
        }
        BucketCommand::Own(command) => label::run_of(command, site).await,
        BucketCommand::Upload { name, folder, prefix } => upload(&name, &folder, &prefix, site).await,
        BucketCommand::Download { name, file, prefix } => {
            let file = file.unwrap_or_else(|| PathBuf::from(format!("{name}.zip")));
            download(&name, &file, &prefix, site).await
        }
    }
}

/// Carries a change out and shows the bucket as it is then.
async fn change_one(change: &dyn Change, bucket: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    site.run(&tenancy, change).await?;
    site.printer.details(&tenancy.bucket(bucket).await?)
}

async fn delete(args: BucketDelete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question = format!("delete {} with all objects?", args.names.join(", "));
        site.confirm(&question, &args.yes)?;
    }
    let tenancy = site.open().await?;
    site.run(&tenancy, &DeleteBuckets { references: args.names, force: args.force }).await?;
    site.printer.done()
}

async fn clear(name: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let watch = Moving::new(site.report(), format!("bucket {name}"));
    let cleared = until_stopped(site, async {
        let bucket = tenancy.objects().await?.bucket(name).await?;
        Ok(bucket.clear(&prefix("")?, &watch).await?)
    })
    .await?;
    watch.done();
    site.printer.result(&cleared, || match cleared.left.as_slice() {
        [] => format!("{} objects deleted", cleared.deleted),
        left => format!(
            "{} objects deleted; {} have names that only the store's own tools take: {}",
            cleared.deleted,
            left.len(),
            left.iter().take(5).map(|name| skywright_runtime::printable(name)).collect::<Vec<_>>().join(", ")
        ),
    })
}

async fn upload(name: &str, folder: &Path, below: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let watch = Moving::new(site.report(), format!("upload to {name}"));
    let synced = until_stopped(site, async {
        let bucket = tenancy.objects().await?.bucket(name).await?;
        let plan = bucket.plan(Direction::Upload, folder, &prefix(below)?, SyncOptions::default()).await?;
        skipped(site.report(), &plan.skipped);
        Ok(bucket.run(&plan, &watch).await?)
    })
    .await?;
    watch.done();
    site.printer.result(&synced, || crate::object::synced_text(&synced))
}

async fn download(name: &str, file: &Path, below: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let watch = Moving::new(site.report(), format!("download of {name}"));
    let archived = until_stopped(site, async {
        let bucket = tenancy.objects().await?.bucket(name).await?;
        Ok(bucket.archive(&prefix(below)?, file, &watch).await?)
    })
    .await?;
    watch.done();
    skipped(site.report(), &archived.skipped);
    site.printer.result(&archived, || {
        let size = crate::object::size_text(archived.bytes);
        format!("{} objects, {size}, in {}", archived.objects, file.display())
    })
}

fn row(bucket: &BucketView) -> [String; 5] {
    [
        bucket.name.clone(),
        bucket.state.to_owned(),
        if bucket.managed { "yes" } else { "no" }.to_owned(),
        bucket.region.clone().unwrap_or_default(),
        bucket.created_at.clone().unwrap_or_default(),
    ]
}
