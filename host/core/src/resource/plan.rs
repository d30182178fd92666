//! What an operation will do, decided to the last id.

use serde::{Deserialize, Serialize};
use skywright_state::{Key, Transaction};

use super::address::{PlannedAddress, PlannedAddressBinding, PlannedAddressRelease, PlannedAddressUnbinding};
use super::bucket::{PlannedBucket, PlannedBucketDeletion, PlannedBucketMount, PlannedBucketUnmount};
use super::host::{PlannedHostChange, PlannedHosts};
use super::label::PlannedLabels;
use super::network::{PlannedNetwork, PlannedNetworkDeletion};
use super::reconcile::PlannedReconcile;
use super::security_group::{PlannedBinding, PlannedGroupDeletion, PlannedRules, PlannedSecurityGroup};
use super::share::{PlannedShare, PlannedShareDeletion, PlannedShareMount, PlannedShareUnmount};
use super::subnet::{PlannedSubnet, PlannedSubnetDeletion};
use super::virtual_ip::{PlannedVirtualIp, PlannedVirtualIpBinding, PlannedVirtualIpDeletion};
use super::volume::{
    PlannedAttachment, PlannedDetachment, PlannedExtension, PlannedVolume, PlannedVolumeDeletion,
};
use crate::error::Error;
use crate::feature::PlannedRun;
use crate::operation::{Operation, OperationId};
use crate::tenancy::Tenancy;

/// What an operation will do. It is kept, sealed, so that another process can go on with it: a variant or field
/// that changes its meaning needs a new name.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "one for each kind of change")]
pub enum Plan {
    CreateNetwork(PlannedNetwork),
    DeleteNetworks(PlannedNetworkDeletion),
    CreateSubnet(PlannedSubnet),
    DeleteSubnets(PlannedSubnetDeletion),
    CreateHosts(PlannedHosts),
    ChangeHosts(PlannedHostChange),
    CreateSecurityGroup(PlannedSecurityGroup),
    DeleteSecurityGroups(PlannedGroupDeletion),
    ChangeRules(PlannedRules),
    BindSecurityGroup(PlannedBinding),
    ChangeLabels(PlannedLabels),
    Reconcile(PlannedReconcile),
    CreateVolume(PlannedVolume),
    AttachVolume(PlannedAttachment),
    DetachVolume(PlannedDetachment),
    ExtendVolume(PlannedExtension),
    DeleteVolumes(PlannedVolumeDeletion),
    CreateBucket(PlannedBucket),
    DeleteBuckets(PlannedBucketDeletion),
    MountBucket(PlannedBucketMount),
    UnmountBucket(PlannedBucketUnmount),
    CreateVirtualIp(PlannedVirtualIp),
    BindVirtualIp(PlannedVirtualIpBinding),
    DeleteVirtualIps(PlannedVirtualIpDeletion),
    AllocateAddress(PlannedAddress),
    BindAddress(PlannedAddressBinding),
    UnbindAddress(PlannedAddressUnbinding),
    ReleaseAddresses(PlannedAddressRelease),
    CreateShare(PlannedShare),
    DeleteShares(PlannedShareDeletion),
    MountShare(PlannedShareMount),
    UnmountShare(PlannedShareUnmount),
    RunFeature(Box<PlannedRun>),
}

impl Plan {
    /// The records that are reserved before anything is asked: keys that must be free, and their values.
    pub(crate) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        match self {
            Self::CreateNetwork(plan) => plan.reserve(tenancy, operation),
            Self::CreateSubnet(plan) => plan.reserve(tenancy, operation),
            Self::CreateHosts(plan) => plan.reserve(tenancy, operation),
            Self::CreateSecurityGroup(plan) => plan.reserve(tenancy, operation),
            Self::CreateVolume(plan) => plan.reserve(tenancy, operation),
            Self::CreateBucket(plan) => plan.reserve(tenancy, operation),
            Self::CreateVirtualIp(plan) => plan.reserve(tenancy, operation),
            Self::AllocateAddress(plan) => plan.reserve(tenancy, operation),
            Self::CreateShare(plan) => plan.reserve(tenancy, operation),
            Self::DeleteNetworks(_)
            | Self::DeleteSubnets(_)
            | Self::ChangeHosts(_)
            | Self::DeleteSecurityGroups(_)
            | Self::ChangeRules(_)
            | Self::BindSecurityGroup(_)
            | Self::ChangeLabels(_)
            | Self::Reconcile(_)
            | Self::AttachVolume(_)
            | Self::DetachVolume(_)
            | Self::ExtendVolume(_)
            | Self::DeleteVolumes(_)
            | Self::DeleteBuckets(_)
            | Self::BindVirtualIp(_)
            | Self::DeleteVirtualIps(_)
            | Self::BindAddress(_)
            | Self::UnbindAddress(_)
            | Self::ReleaseAddresses(_)
            | Self::DeleteShares(_)
            | Self::MountShare(_)
            | Self::UnmountShare(_)
            | Self::MountBucket(_)
            | Self::UnmountBucket(_)
            | Self::RunFeature(_) => Ok(Vec::new()),
        }
    }

    /// Whether what it did can be taken back.
    pub(crate) fn is_reversible(&self) -> bool {
        match self {
            Self::CreateNetwork(_)
            | Self::CreateSubnet(_)
            | Self::CreateHosts(_)
            | Self::CreateSecurityGroup(_)
            | Self::CreateVolume(_)
            | Self::AttachVolume(_)
            | Self::CreateBucket(_)
            | Self::CreateVirtualIp(_)
            | Self::AllocateAddress(_)
            | Self::BindAddress(_)
            | Self::CreateShare(_)
            | Self::MountShare(_)
            | Self::MountBucket(_) => true,
            Self::DeleteNetworks(_)
            | Self::DeleteSubnets(_)
            | Self::ChangeHosts(_)
            | Self::DeleteSecurityGroups(_)
            | Self::ChangeLabels(_)
            | Self::Reconcile(_)
            | Self::DetachVolume(_)
            | Self::ExtendVolume(_)
            | Self::DeleteVolumes(_)
            | Self::DeleteBuckets(_)
            | Self::DeleteVirtualIps(_)
            | Self::UnbindAddress(_)
            | Self::ReleaseAddresses(_)
            | Self::DeleteShares(_)
            | Self::UnmountShare(_)
            | Self::UnmountBucket(_) => false,
            Self::RunFeature(plan) => plan.is_reversible(),
            Self::ChangeRules(plan) => plan.is_reversible(),
            Self::BindSecurityGroup(plan) => plan.is_reversible(),
            Self::BindVirtualIp(plan) => plan.is_reversible(),
        }
    }

    /// What has to be done on hosts before the cloud is asked to take back what was asked of it.
    pub(crate) async fn prepare_undo(&self, operation: &Operation<'_>) {
        match self {
            Self::AttachVolume(plan) => plan.prepare_undo(operation).await,
            Self::CreateShare(plan) => plan.prepare_undo(operation).await,
            Self::MountShare(plan) => plan.prepare_undo(operation).await,
            Self::MountBucket(plan) => plan.prepare_undo(operation).await,
            _ => {}
        }
    }

    /// Does it, or does the rest of it. The answer is what changes in the state at its end.
    pub(crate) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        match self {
            Self::CreateNetwork(plan) => plan.execute(operation).await,
            Self::DeleteNetworks(plan) => plan.execute(operation).await,
            Self::CreateSubnet(plan) => plan.execute(operation).await,
            Self::DeleteSubnets(plan) => plan.execute(operation).await,
            Self::CreateHosts(plan) => plan.execute(operation).await,
            Self::ChangeHosts(plan) => plan.execute(operation).await,
            Self::CreateSecurityGroup(plan) => plan.execute(operation).await,
            Self::DeleteSecurityGroups(plan) => plan.execute(operation).await,
            Self::ChangeRules(plan) => plan.execute(operation).await,
            Self::BindSecurityGroup(plan) => plan.execute(operation).await,
            Self::ChangeLabels(plan) => plan.execute(operation).await,
            Self::Reconcile(plan) => plan.execute(operation).await,
            Self::CreateVolume(plan) => plan.execute(operation).await,
            Self::AttachVolume(plan) => plan.execute(operation).await,
            Self::DetachVolume(plan) => plan.execute(operation).await,
            Self::ExtendVolume(plan) => plan.execute(operation).await,
            Self::DeleteVolumes(plan) => plan.execute(operation).await,
            Self::CreateBucket(plan) => plan.execute(operation).await,
            Self::DeleteBuckets(plan) => plan.execute(operation).await,
            Self::MountBucket(plan) => plan.execute(operation).await,
            Self::UnmountBucket(plan) => plan.execute(operation).await,
            Self::CreateVirtualIp(plan) => plan.execute(operation).await,
            Self::BindVirtualIp(plan) => plan.execute(operation).await,
            Self::DeleteVirtualIps(plan) => plan.execute(operation).await,
            Self::AllocateAddress(plan) => plan.execute(operation).await,
            Self::BindAddress(plan) => plan.execute(operation).await,
            Self::UnbindAddress(plan) => plan.execute(operation).await,
            Self::ReleaseAddresses(plan) => plan.execute(operation).await,
            Self::CreateShare(plan) => plan.execute(operation).await,
            Self::DeleteShares(plan) => plan.execute(operation).await,
            Self::MountShare(plan) => plan.execute(operation).await,
            Self::UnmountShare(plan) => plan.execute(operation).await,
            Self::RunFeature(plan) => plan.execute(operation).await,
        }
    }

    /// Takes back what was done of it. The answer is what could not be.
    pub(crate) async fn take_back(&self, operation: &Operation<'_>) -> Result<Vec<String>, Error> {
        match self {
            Self::RunFeature(plan) => plan.take_back(operation).await,
            _ => operation.undo().await,
        }
    }
}

/// A record as it is put into the state.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|e| Error::Internal(format!("a record cannot be written down: {e}")))
}
