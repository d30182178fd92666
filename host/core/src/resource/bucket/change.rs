//! Making and deleting buckets.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_contract::Category;
use skywright_objects::Prefix;
use skywright_state::{Key, LeaseRequest, StoreExt as _, Transaction};

use super::BucketBody;
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::report::Step;
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record};
use crate::resource::spec::Labels;
use crate::tenancy::Tenancy;

/// `bucket create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateBucket {
    /// Its name. Clouds refuse names that are taken by others, and some of those that this product allows.
    pub name: Name,
}

#[async_trait]
impl Change for CreateBucket {
    fn title(&self) -> String {
        format!("bucket create {}", self.name)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("bucket-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        Ok(vec![LeaseRequest::exclusive(tenancy.record_key(Kind::Bucket, &[self.name.as_str()])?)])
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        if !tenancy.cloud().has("object-storage") {
            return Err(Error::Unsupported { what: "a bucket".to_owned(), hint: None });
        }
        tenancy.free::<BucketBody>(&[self.name.as_str()]).await?;
        let buckets = tenancy.cloud().buckets().await?;
        let was_there = buckets.iter().any(|bucket| bucket.name == self.name.as_str());
        Ok(Plan::CreateBucket(PlannedBucket { name: self.name.clone(), was_there }))
    }
}

/// A bucket to be made, or to be taken in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBucket {
    name: Name,
    /// Whether the tenant had it before: then nothing is asked, and nothing is ever taken back.
    was_there: bool,
}

impl PlannedBucket {
    fn record(&self, operation: &OperationId) -> Record<BucketBody> {
        let labels = Labels::default();
        let record = Record::reserved(self.name.clone(), operation, &labels, BucketBody::default());
        Record { adopted: self.was_there, ..record }
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let key = tenancy.record_key(Kind::Bucket, &[self.name.as_str()])?;
        Ok(vec![(key, encode(&self.record(operation))?)])
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        if self.was_there {
            tenancy.report().notice(&format!(
                "the tenant had a bucket `{}` before: it is managed from now on, and what is in it stays",
                self.name
            ));
        } else {
            let request = Request::CreateBucket { name: self.name.to_string() };
            operation.step("bucket", &format!("bucket {}", self.name), request).await?;
        }
        let record = self.record(&operation.record().id).ready(self.name.as_str());
        let key = tenancy.record_key(Kind::Bucket, &[self.name.as_str()])?;
        Ok(Transaction::new().put_json(key, &record)?)
    }
}

/// `bucket delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteBuckets {
    /// Their names.
    pub references: Vec<String>,
    /// Also the objects in them.
    pub force: bool,
}

#[async_trait]
impl Change for DeleteBuckets {
    fn title(&self) -> String {
        format!("bucket delete {}", self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("bucket-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        crate::resource::leases_of::<BucketBody>(tenancy, &self.references).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let mut buckets = Vec::new();
        for reference in &self.references {
            let bucket = tenancy.record::<BucketBody>(&[reference]).await?.value;
            bucket.ready_id()?;
            if let Some(mount) = bucket.body.mounts.first() {
                let by = format!("the host {}, which mounts it", mount.host);
                return Err(Error::InUse { kind: "bucket", name: bucket.name.to_string(), by });
            }
            buckets.push(bucket.name);
        }
        Ok(Plan::DeleteBuckets(PlannedBucketDeletion { buckets, force: self.force }))
    }
}

/// Buckets to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBucketDeletion {
    buckets: Vec<Name>,
    force: bool,
}

impl PlannedBucketDeletion {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        for name in &self.buckets {
            self.delete(operation, name).await?;
        }
        Ok(Transaction::new())
    }

    async fn delete(&self, operation: &Operation<'_>, name: &Name) -> Result<(), Error> {
        let tenancy = operation.tenancy();
        let key = tenancy.record_key(Kind::Bucket, &[name.as_str()])?;
        if tenancy.store().get_json::<Record<BucketBody>>(&key).await?.is_none() {
            // Deleted, by a process before this one.
            return Ok(());
        }
        let title = format!("bucket {name}");
        if self.force {
            tenancy.report().step(&Step::new(&title, "deleting its objects"));
            empty(tenancy, name).await?;
        }
        let request = Request::DeleteBucket { name: name.to_string() };
        let then = |transaction: Transaction, _: &str| Ok(transaction.delete(key));
        match operation.step_then(&format!("delete {name}"), &title, request, then).await {
            Err(error) if error.category() == Category::InUse => Err(Error::InUse {
                kind: "bucket",
                name: name.to_string(),
                by: "the objects in it; `--force` deletes them as well".to_owned(),
            }),
            other => other.map(|_| ()),
        }
    }
}

/// Deletes what is in a bucket. One that is gone is empty.
async fn empty(tenancy: &Tenancy, name: &Name) -> Result<(), Error> {
    let bucket = tenancy.objects().await?.bucket(name.as_str()).await;
    let everything = Prefix::new("").map_err(|error| Error::Internal(error.to_string()))?;
    let cleared = match bucket {
        Ok(bucket) => bucket.clear(&everything, &()).await,
        Err(error) => Err(error),
    };
    match cleared {
        Err(error) if error.category() == Category::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(cleared) if cleared.left.is_empty() => Ok(()),
        Ok(cleared) => {
            let some: Vec<_> =
                cleared.left.iter().take(3).map(|name| skywright_runtime::printable(name)).collect();
            let by = format!("objects whose names only the store's own tools take: {}", some.join(", "));
            Err(Error::InUse { kind: "bucket", name: name.to_string(), by })
        }
    }
}
