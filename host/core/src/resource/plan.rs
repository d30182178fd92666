//! What an operation will do, decided to the last id.

use serde::{Deserialize, Serialize};
use skywright_state::{Key, Transaction};

use super::bucket::{PlannedBucket, PlannedBucketDeletion};
use super::host::{PlannedHostChange, PlannedHosts};
use super::label::PlannedLabels;
use super::network::{PlannedNetwork, PlannedNetworkDeletion};
use super::reconcile::PlannedReconcile;
use super::security_group::{PlannedBinding, PlannedGroupDeletion, PlannedRules, PlannedSecurityGroup};
use super::subnet::{PlannedSubnet, PlannedSubnetDeletion};
use super::volume::{
    PlannedAttachment, PlannedDetachment, PlannedExtension, PlannedVolume, PlannedVolumeDeletion,
};
use crate::error::Error;
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
            | Self::DeleteBuckets(_) => Ok(Vec::new()),
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
            | Self::CreateBucket(_) => true,
            Self::DeleteNetworks(_)
            | Self::DeleteSubnets(_)
            | Self::ChangeHosts(_)
            | Self::DeleteSecurityGroups(_)
            | Self::ChangeLabels(_)
            | Self::Reconcile(_)
            | Self::DetachVolume(_)
            | Self::ExtendVolume(_)
            | Self::DeleteVolumes(_)
            | Self::DeleteBuckets(_) => false,
            Self::ChangeRules(plan) => plan.is_reversible(),
            Self::BindSecurityGroup(plan) => plan.is_reversible(),
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
        }
    }
}

/// A record as it is put into the state.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|e| Error::Internal(format!("a record cannot be written down: {e}")))
}
