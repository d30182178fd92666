//! Buckets, as they are shown.

use std::collections::BTreeMap;

use serde::Serialize;
use skywright_runtime::printable;
use skywright_runtime::provider::object_storage::Bucket;

use super::BucketBody;
use crate::error::Error;
use crate::resource::mount::HostMount;
use crate::resource::record::{Record, Status};
use crate::tenancy::Tenancy;

/// A bucket, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct BucketView {
    /// Its name, which is its id as well.
    pub name: String,
    /// Where, if the cloud says.
    pub region: Option<String>,
    /// When the cloud made it, as it says.
    pub created_at: Option<String>,
    /// `creating` or `ready`; `missing` for one that the cloud does not have.
    pub state: &'static str,
    /// Whether this product made it, or took it in.
    pub managed: bool,
    /// Whether the tenant had it before it was managed.
    pub adopted: bool,
    /// Who has mounted it.
    pub mounts: Vec<HostMount>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

impl Tenancy {
    /// Every bucket that is managed, by name; with `all` also those that the tenant has besides.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the cloud does not tell.
    pub async fn buckets(&self, all: bool) -> Result<Vec<BucketView>, Error> {
        let records = self.records::<BucketBody>().await?;
        if records.is_empty() && !all {
            return Ok(Vec::new());
        }
        let mut listed = self.cloud().buckets().await?;
        let mut views = Vec::new();
        for found in &records {
            let position = listed.iter().position(|bucket| bucket.name == found.value.name.as_str());
            let cloud = position.map(|position| listed.swap_remove(position));
            views.push(bucket_view(&found.value, cloud));
        }
        if all {
            listed.sort_by(|a, b| a.name.cmp(&b.name));
            views.extend(listed.into_iter().map(foreign_view));
        }
        Ok(views)
    }

    /// One bucket: a managed one, or any other of the tenant's.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], or what the cloud said.
    pub async fn bucket(&self, name: &str) -> Result<BucketView, Error> {
        let record = self.record::<BucketBody>(&[name]).await;
        let listed = self.cloud().buckets().await?.into_iter().find(|bucket| bucket.name == name);
        match (record, listed) {
            (Ok(record), listed) => Ok(bucket_view(&record.value, listed)),
            (Err(Error::NoSuch { .. }), Some(listed)) => Ok(foreign_view(listed)),
            (Err(error), _) => Err(error),
        }
    }
}

fn bucket_view(record: &Record<BucketBody>, cloud: Option<Bucket>) -> BucketView {
    let state = match (&cloud, record.status) {
        (_, Status::Creating) => "creating",
        (Some(_), Status::Ready) => "ready",
        (None, Status::Ready) => "missing",
    };
    let (region, created_at) = cloud.map(|bucket| (bucket.region, bucket.created_at)).unwrap_or_default();
    BucketView {
        name: record.name.to_string(),
        region: region.as_deref().map(printable),
        created_at: created_at.as_deref().map(printable),
        state,
        managed: true,
        adopted: record.adopted,
        mounts: record.body.mounts.clone(),
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}

fn foreign_view(bucket: Bucket) -> BucketView {
    BucketView {
        name: printable(&bucket.name),
        region: bucket.region.as_deref().map(printable),
        created_at: bucket.created_at.as_deref().map(printable),
        state: "ready",
        managed: false,
        adopted: false,
        mounts: Vec::new(),
        labels: BTreeMap::new(),
        tags: Vec::new(),
    }
}
