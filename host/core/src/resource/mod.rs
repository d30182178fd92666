//! What people have in a cloud: networks, subnets, security groups, hosts, volumes, buckets.
//!
//! A resource's *record* is what the state knows of it: its name, the cloud's id, what it was asked to be.
//! What the cloud knows better, such as whether a host runs, is asked for when it is shown.

mod address;
mod bucket;
mod host;
mod image;
mod key;
mod label;
mod machine;
mod mount;
mod network;
mod object;
mod plan;
mod reconcile;
mod record;
mod security_group;
mod share;
mod spec;
mod subnet;
mod template;
mod virtual_ip;
mod volume;

pub use address::{AddressBody, AddressView, AllocateAddress, BindAddress, ReleaseAddresses, UnbindAddress};
pub use bucket::{BucketBody, BucketView, CreateBucket, DeleteBuckets, MountBucket, UnmountBucket};
pub use host::{
    CreateHosts, DeleteHosts, HostAction, HostBody, HostRole, HostView, ResizeHost, SshAccess, SwitchHosts,
};
pub use image::{ImageView, images};
pub use key::SshKey;
pub use label::{
    ChangeLabels, DeleteLabel, LabelEdit, LabelFilter, LabelKind, LabelView, LabelledView, MAX_LABEL_VALUE,
    check_label_name, check_label_value,
};
pub use mount::HostMount;
pub use network::{CreateNetwork, DeleteNetworks, NetworkBody, NetworkView};
pub use plan::Plan;
pub use reconcile::{Chosen, CloudKind, Comparison, FieldChange, Finding, Owner, Reconcile, Remedy, Verdict};
pub use record::{Body, Kind, Owned, Record, Status};
pub use security_group::{
    BindAction, BindHostGroup, BindSubnetGroup, BondKind, BondView, BondsView, ChangeRules,
    CreateSecurityGroup, DeleteSecurityGroups, GroupBinding, GroupRef, HostGroupView, NO_NETWORK, RuleChange,
    RuleRequest, RuleView, SecurityGroupBody, SecurityGroupView,
};
pub use share::{CreateShare, DeleteShares, MountShare, ShareBody, ShareView, UnmountShare};
pub use spec::{GatewayMode, Labels, MachineRequest, SubnetRequest};
pub use subnet::{CreateSubnet, DeleteSubnets, SubnetBody, SubnetView};
pub use template::{TemplateView, templates};
pub use virtual_ip::{
    BindVirtualIp, CreateVirtualIp, DeleteVirtualIps, VirtualIpAction, VirtualIpBody, VirtualIpView,
};
pub use volume::{
    AttachVolume, AttachmentView, CreateVolume, DeleteVolumes, DetachVolume, ExtendVolume, FileSystem,
    HostPath, MountRequest, VolumeAttachment, VolumeBody, VolumeMount, VolumeSpeed, VolumeView,
};

use skywright_state::LeaseRequest;

use crate::error::Error;
use crate::tenancy::Tenancy;

/// Tells one change from all others.
pub(crate) fn fingerprint<T: serde::Serialize>(kind: &str, change: &T) -> String {
    format!("{kind} {}", serde_json::to_string(change).unwrap_or_default())
}

/// The right to change these alone.
pub(crate) async fn leases_of<T: Body>(
    tenancy: &Tenancy,
    references: &[String],
) -> Result<Vec<LeaseRequest>, Error> {
    let mut leases = Vec::new();
    for reference in references {
        leases.push(LeaseRequest::exclusive(tenancy.record::<T>(&[reference]).await?.key));
    }
    Ok(leases)
}

async fn network_leases(tenancy: &Tenancy, network: &str) -> Result<Vec<LeaseRequest>, Error> {
    leases_of::<NetworkBody>(tenancy, &[network.to_owned()]).await
}
