//! One thing that is asked of a cloud, written down before it is asked.

use serde::{Deserialize, Serialize};
use skywright_contract::Category;
use skywright_runtime::provider::hosts::HostSpec;
use skywright_runtime::provider::networks::{NetworkSpec, SubnetSpec};
use skywright_runtime::provider::security_groups::{Rule, SecurityGroupSpec};
use skywright_runtime::provider::volumes::VolumeSpec;
use skywright_runtime::provider::{Call, Intent, KeyValue, Outcome, Provider};

use crate::cloud::Cloud;
use crate::error::Error;

/// What is asked. Ids are the cloud's; the intents in specifications are filled in when it is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named like the functions of the contract")]
pub enum Request {
    CreateNetwork(NetworkSpec),
    DeleteNetwork {
        id: String,
    },
    CreateSubnet(SubnetSpec),
    DeleteSubnet {
        id: String,
    },
    CreateSecurityGroup(SecurityGroupSpec),
    DeleteSecurityGroup {
        id: String,
    },
    AddRule {
        group: String,
        rule: Rule,
    },
    RemoveRule {
        group: String,
        rule_id: String,
    },
    BindSecurityGroup {
        group: String,
        host: String,
    },
    UnbindSecurityGroup {
        group: String,
        host: String,
    },
    CreateHost(HostSpec),
    DeleteHost {
        id: String,
    },
    StartHost {
        id: String,
    },
    StopHost {
        id: String,
        force: bool,
    },
    RebootHost {
        id: String,
        force: bool,
    },
    ResizeHost {
        id: String,
        template: String,
    },
    CreateVolume(VolumeSpec),
    DeleteVolume {
        id: String,
    },
    AttachVolume {
        volume: String,
        host: String,
    },
    DetachVolume {
        volume: String,
        host: String,
    },
    ExtendVolume {
        id: String,
        size_gib: u32,
    },
    AllocateAddress {
        tags: Vec<KeyValue>,
    },
    AssociateAddress {
        id: String,
        host: String,
    },
    DissociateAddress {
        id: String,
    },
    ReleaseAddress {
        id: String,
    },
    CreateVirtualIp {
        name: String,
        subnet: String,
        tags: Vec<KeyValue>,
    },
    BindVirtualIp {
        id: String,
        host: String,
    },
    UnbindVirtualIp {
        id: String,
        host: String,
    },
    DeleteVirtualIp {
        id: String,
    },
    /// Asked only where the tenant had none of that name.
    CreateBucket {
        name: String,
    },
    DeleteBucket {
        name: String,
    },
    SetTags {
        kind: Tagged,
        id: String,
        tags: Vec<KeyValue>,
    },
}

/// What the cloud keeps tags of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the kinds of resources")]
pub enum Tagged {
    Network,
    Subnet,
    SecurityGroup,
    Host,
    Volume,
}

impl Request {
    /// Asks, again and again where that helps.
    ///
    /// # Errors
    ///
    /// What the cloud said last.
    pub async fn ask<'c>(&'c self, cloud: &'c Cloud, intent: &Intent) -> Result<Outcome, Error> {
        match self {
            Self::CreateNetwork(spec) => {
                let call = |p: &'c dyn Provider, intent| -> Call<'c, Outcome> {
                    let spec = NetworkSpec { intent, ..spec.clone() };
                    Box::pin(async move { p.create_network(&spec).await })
                };
                cloud.create(intent, call).await
            }
            Self::CreateSubnet(spec) => {
                let call = |p: &'c dyn Provider, intent| -> Call<'c, Outcome> {
                    let spec = SubnetSpec { intent, ..spec.clone() };
                    Box::pin(async move { p.create_subnet(&spec).await })
                };
                cloud.create(intent, call).await
            }
            Self::CreateHost(spec) => {
                let call = |p: &'c dyn Provider, intent| -> Call<'c, Outcome> {
                    let spec = HostSpec { intent, ..spec.clone() };
                    Box::pin(async move { p.create_host(&spec).await })
                };
                cloud.create(intent, call).await
            }
            Self::CreateVolume(spec) => {
                let call = |p: &'c dyn Provider, intent| -> Call<'c, Outcome> {
                    let spec = VolumeSpec { intent, ..spec.clone() };
                    Box::pin(async move { p.create_volume(&spec).await })
                };
                cloud.create(intent, call).await
            }
            Self::CreateSecurityGroup(spec) => {
                let call = |p: &'c dyn Provider, intent| -> Call<'c, Outcome> {
                    let spec = SecurityGroupSpec { intent, ..spec.clone() };
                    Box::pin(async move { Ok(Outcome::Done(p.create_security_group(&spec).await?.id)) })
                };
                cloud.create(intent, call).await
            }
            Self::AllocateAddress { tags } => {
                let call = |p: &'c dyn Provider, intent: Intent| -> Call<'c, Outcome> {
                    Box::pin(async move { Ok(Outcome::Done(p.allocate_address(&intent, tags).await?.id)) })
                };
                cloud.create(intent, call).await
            }
            Self::CreateVirtualIp { name, subnet, tags } => {
                let call = |p: &'c dyn Provider, intent: Intent| -> Call<'c, Outcome> {
                    Box::pin(async move {
                        Ok(Outcome::Done(p.create_virtual_ip(&intent, name, subnet, tags).await?.id))
                    })
                };
                cloud.create(intent, call).await
            }
            Self::CreateBucket { name } => {
                cloud.ask(|p| p.create_bucket(name)).await.map(|bucket| Outcome::Done(bucket.name))
            }
            Self::AddRule { group, rule } => cloud.ask(|p| p.add_rule(group, rule)).await.map(Outcome::Done),
            _ => self.change(cloud).await,
        }
    }

    /// Asks what makes nothing.
    async fn change(&self, cloud: &Cloud) -> Result<Outcome, Error> {
        let done = |(): ()| Outcome::Done(String::new());
        match self {
            Self::DeleteNetwork { id } => cloud.ask(|p| p.delete_network(id)).await,
            Self::DeleteSubnet { id } => cloud.ask(|p| p.delete_subnet(id)).await,
            Self::DeleteHost { id } => cloud.ask(|p| p.delete_host(id)).await,
            Self::StartHost { id } => cloud.ask(|p| p.start_host(id)).await,
            Self::StopHost { id, force } => cloud.ask(|p| p.stop_host(id, *force)).await,
            Self::RebootHost { id, force } => cloud.ask(|p| p.reboot_host(id, *force)).await,
            Self::ResizeHost { id, template } => cloud.ask(|p| p.resize_host(id, template)).await,
            Self::DeleteVolume { id } => cloud.ask(|p| p.delete_volume(id)).await,
            Self::AttachVolume { volume, host } => cloud.ask(|p| p.attach_volume(volume, host)).await,
            Self::DetachVolume { volume, host } => cloud.ask(|p| p.detach_volume(volume, host)).await,
            Self::ExtendVolume { id, size_gib } => cloud.ask(|p| p.extend_volume(id, *size_gib)).await,
            Self::DeleteSecurityGroup { id } => cloud.ask(|p| p.delete_security_group(id)).await.map(done),
            Self::RemoveRule { group, rule_id } => {
                cloud.ask(|p| p.remove_rule(group, rule_id)).await.map(done)
            }
            Self::BindSecurityGroup { group, host } => {
                cloud.ask(|p| p.bind_security_group(group, host)).await.map(done)
            }
            Self::UnbindSecurityGroup { group, host } => {
                cloud.ask(|p| p.unbind_security_group(group, host)).await.map(done)
            }
            Self::AssociateAddress { id, host } => {
                cloud.ask(|p| p.associate_address(id, host)).await.map(done)
            }
            Self::DissociateAddress { id } => cloud.ask(|p| p.dissociate_address(id)).await.map(done),
            Self::ReleaseAddress { id } => cloud.ask(|p| p.release_address(id)).await.map(done),
            Self::BindVirtualIp { id, host } => cloud.ask(|p| p.bind_virtual_ip(id, host)).await.map(done),
            Self::UnbindVirtualIp { id, host } => {
                cloud.ask(|p| p.unbind_virtual_ip(id, host)).await.map(done)
            }
            Self::DeleteVirtualIp { id } => cloud.ask(|p| p.delete_virtual_ip(id)).await.map(done),
            Self::DeleteBucket { name } => cloud.ask(|p| p.delete_bucket(name)).await.map(done),
            Self::SetTags { kind, id, tags } => set_tags(cloud, *kind, id, tags).await.map(done),
            Self::CreateNetwork(_)
            | Self::CreateSubnet(_)
            | Self::CreateHost(_)
            | Self::CreateVolume(_)
            | Self::CreateSecurityGroup(_)
            | Self::AllocateAddress { .. }
            | Self::CreateVirtualIp { .. }
            | Self::CreateBucket { .. }
            | Self::AddRule { .. } => Err(Error::Internal("a create was asked as a change".to_owned())),
        }
    }

    /// Takes back what was asked, whether or not it was carried out. `id` is the answer, if there was one.
    ///
    /// # Errors
    ///
    /// What the cloud said last. What cannot be taken back, such as a delete, is done already.
    pub async fn undo(&self, cloud: &Cloud, key: &str, id: Option<&str>) -> Result<Outcome, Error> {
        let done = |(): ()| Outcome::Done(String::new());
        match self {
            Self::CreateNetwork(_) => cloud.ask(|p| p.abandon_network(key)).await,
            Self::CreateSubnet(_) => cloud.ask(|p| p.abandon_subnet(key)).await,
            Self::CreateHost(_) => cloud.ask(|p| p.abandon_host(key)).await,
            Self::CreateVolume(_) => cloud.ask(|p| p.abandon_volume(key)).await,
            Self::CreateSecurityGroup(_) => cloud.ask(|p| p.abandon_security_group(key)).await.map(done),
            Self::AllocateAddress { .. } => cloud.ask(|p| p.abandon_address(key)).await.map(done),
            Self::CreateVirtualIp { .. } => cloud.ask(|p| p.abandon_virtual_ip(key)).await.map(done),
            Self::CreateBucket { name } => take_back_bucket(cloud, name, id.is_some()).await.map(done),
            _ => match self.inverse(id) {
                Some(inverse) => gone_is_done(inverse.change(cloud).await),
                None => Ok(Outcome::Done(String::new())),
            },
        }
    }

    /// The change that takes back this one.
    fn inverse(&self, id: Option<&str>) -> Option<Self> {
        match self.clone() {
            Self::AddRule { group, .. } => Some(Self::RemoveRule { group, rule_id: id?.to_owned() }),
            Self::BindSecurityGroup { group, host } => Some(Self::UnbindSecurityGroup { group, host }),
            Self::AttachVolume { volume, host } => Some(Self::DetachVolume { volume, host }),
            Self::AssociateAddress { id, .. } => Some(Self::DissociateAddress { id }),
            Self::BindVirtualIp { id, host } => Some(Self::UnbindVirtualIp { id, host }),
            _ => None,
        }
    }

    /// Whether the cloud makes something that it did not have before.
    #[must_use]
    pub fn makes(&self) -> bool {
        matches!(
            self,
            Self::CreateNetwork(_)
                | Self::CreateSubnet(_)
                | Self::CreateSecurityGroup(_)
                | Self::CreateHost(_)
                | Self::CreateVolume(_)
                | Self::AllocateAddress { .. }
                | Self::CreateVirtualIp { .. }
                | Self::CreateBucket { .. }
        )
    }
}

async fn set_tags(cloud: &Cloud, kind: Tagged, id: &str, tags: &[KeyValue]) -> Result<(), Error> {
    match kind {
        Tagged::Network => cloud.ask(|p| p.set_network_tags(id, tags)).await,
        Tagged::Subnet => cloud.ask(|p| p.set_subnet_tags(id, tags)).await,
        Tagged::SecurityGroup => cloud.ask(|p| p.set_security_group_tags(id, tags)).await,
        Tagged::Host => cloud.ask(|p| p.set_host_tags(id, tags)).await,
        Tagged::Volume => cloud.ask(|p| p.set_volume_tags(id, tags)).await,
    }
}

/// A bucket carries no intent. That the tenant had none of that name was seen before it was asked for, with the
/// name held: one that is there now was made by that, heard of or not. With something in it the cloud keeps it.
async fn take_back_bucket(cloud: &Cloud, name: &str, was_made: bool) -> Result<(), Error> {
    if was_made || cloud.buckets().await?.iter().any(|bucket| bucket.name == name) {
        cloud.ask(|p| p.delete_bucket(name)).await?;
    }
    Ok(())
}

/// What is undone after its host or group went has nothing left to undo.
fn gone_is_done(outcome: Result<Outcome, Error>) -> Result<Outcome, Error> {
    match outcome {
        Err(error) if error.category() == Category::NotFound => Ok(Outcome::Done(String::new())),
        other => other,
    }
}
