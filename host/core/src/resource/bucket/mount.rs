//! Mounting buckets on hosts, and unmounting them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::hosts::State;
use skywright_state::{Found, LeaseRequest, Transaction};

use super::BucketBody;
use crate::error::Error;
use crate::name::Name;
use crate::on_host::Script;
use crate::operation::{Change, Operation};
use crate::resource::host::HostBody;
use crate::resource::mount::{self, HostMount, Mountable};
use crate::resource::plan::Plan;
use crate::resource::record::Record;
use crate::resource::volume::HostPath;
use crate::tenancy::Tenancy;

fn bucket_named(name: &Name) -> Mountable<'_> {
    Mountable { kind: "bucket", name }
}

/// `bucket mount`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MountBucket {
    /// The bucket's name.
    pub bucket: String,
    /// The host: a name or id.
    pub host: String,
    /// Where on it; `/buckets/NAME` by default.
    pub path: Option<HostPath>,
    /// Whether nobody writes.
    pub read_only: bool,
}

#[async_trait]
impl Change for MountBucket {
    fn title(&self) -> String {
        format!("bucket mount {} {}", self.bucket, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("bucket-mount", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        leases(tenancy, &self.bucket, &self.host).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        // Before anything is written down: where there are no keys to hand on, nothing begins.
        tenancy.s3_access().await?;
        let bucket = tenancy.record::<BucketBody>(&[&self.bucket]).await?.value;
        bucket.ready_id()?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        host.ready_id()?;
        let mount = bucket_named(&bucket.name).place(&bucket.body.mounts, host.name, self.path.as_ref())?;
        Ok(Plan::MountBucket(PlannedBucketMount { bucket: bucket.name, mount, read_only: self.read_only }))
    }
}

/// A bucket to be mounted. The keys are not written down: they are asked for when it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBucketMount {
    bucket: Name,
    mount: HostMount,
    read_only: bool,
}

impl PlannedBucketMount {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let access = tenancy.s3_access().await?;
        let (style, rights) = (access.path_style.to_string(), if self.read_only { "ro" } else { "rw" });
        let arguments = [
            self.bucket.as_str(),
            &access.endpoint,
            &access.region,
            &style,
            self.mount.path.as_str(),
            rights,
        ];
        let script = Script::MountBucket.with_secrets(&[
            ("ACCESS_KEY", Some(&access.access_key)),
            ("SECRET_KEY", Some(&access.secret_key)),
            ("SESSION_TOKEN", access.session_token.as_ref()),
        ])?;
        bucket_named(&self.bucket).mount(tenancy, &self.mount.host, script, &arguments).await?;
        let mut bucket = tenancy.record::<BucketBody>(&[self.bucket.as_str()]).await?;
        mount::put(&mut bucket.value.body.mounts, &self.mount);
        Ok(Transaction::new().put_json(bucket.key, &bucket.value)?)
    }

    pub(in crate::resource) async fn prepare_undo(&self, operation: &Operation<'_>) {
        let tenancy = operation.tenancy();
        let unmounted = bucket_named(&self.bucket).unmount(tenancy, &self.mount, Script::UnmountBucket).await;
        if let Err(error) = unmounted {
            tenancy.report().notice(&error.to_string());
        }
    }
}

/// `bucket umount`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnmountBucket {
    /// The bucket's name.
    pub bucket: String,
    /// The host that has it mounted: a name or id.
    pub host: String,
}

#[async_trait]
impl Change for UnmountBucket {
    fn title(&self) -> String {
        format!("bucket umount {} {}", self.bucket, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("bucket-umount", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        leases(tenancy, &self.bucket, &self.host).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let bucket = tenancy.record::<BucketBody>(&[&self.bucket]).await?.value;
        bucket.ready_id()?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        let mount = bucket_named(&bucket.name).mount_of(bucket.body.mounts, &host.name)?;
        let host_id = host.ready_id()?.to_owned();
        Ok(Plan::UnmountBucket(PlannedBucketUnmount { bucket: bucket.name, host_id, mount }))
    }
}

/// A bucket to be unmounted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBucketUnmount {
    bucket: Name,
    host_id: String,
    mount: HostMount,
}

impl PlannedBucketUnmount {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        if tenancy.cloud().ask(|p| p.get_host(&self.host_id)).await?.state == State::Stopped {
            // It would come back with the host, and the keys are on its disk.
            let what = format!("unmounting a bucket on {}, which is switched off,", self.mount.host);
            let hint = Some(format!("start it first: skywright host start {}", self.mount.host));
            return Err(Error::Unsupported { what, hint });
        }
        bucket_named(&self.bucket).unmount(tenancy, &self.mount, Script::UnmountBucket).await?;
        let bucket = tenancy.record::<BucketBody>(&[self.bucket.as_str()]).await?;
        without(operation, bucket, &self.mount.host).await?;
        Ok(Transaction::new())
    }
}

/// The right to change a bucket alone, while the host stays.
async fn leases(tenancy: &Tenancy, bucket: &str, host: &str) -> Result<Vec<LeaseRequest>, Error> {
    let bucket = tenancy.record::<BucketBody>(&[bucket]).await?.key;
    let host = tenancy.record::<HostBody>(&[host]).await?.key;
    Ok(vec![LeaseRequest::exclusive(bucket), LeaseRequest::shared(host)])
}

/// Forgets that a host mounts a bucket.
async fn without(
    operation: &Operation<'_>,
    mut bucket: Found<Record<BucketBody>>,
    host: &Name,
) -> Result<(), Error> {
    bucket.value.body.mounts.retain(|mount| mount.host != *host);
    let transaction = operation.transaction().put_json(bucket.key, &bucket.value)?;
    operation.tenancy().store().commit(transaction).await?;
    Ok(())
}

/// Forgets the mounts of a host that goes.
pub(in crate::resource) async fn forget_host(operation: &Operation<'_>, host: &Name) -> Result<(), Error> {
    for found in operation.tenancy().records::<BucketBody>().await? {
        if found.value.body.mounts.iter().any(|mount| mount.host == *host) {
            without(operation, found, host).await?;
        }
    }
    Ok(())
}
