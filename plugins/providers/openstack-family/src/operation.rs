//! Changes that take their time: one type for all, with a case for each kind.

use serde::{Deserialize, Serialize};
use skywright_sdk::{Error, Operation, Progress};

use crate::profile;
use crate::server_action::{PowerChange, Resizing};
use crate::server_create::Creation;
use crate::server_delete::Deletion;
use crate::subnet_create::SubnetCreate;

/// What a token stands for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    SubnetCreate(SubnetCreate),
    /// A change of the dialect's own way to make networks.
    Network(serde_json::Value),
    HostCreation(Creation),
    HostDeletion(Deletion),
    HostPower(PowerChange),
    HostResizing(Resizing),
    Volume(crate::volume_change::VolumeChange),
}

impl Operation for Change {
    fn step(self) -> Result<Progress<Self>, Error> {
        match self {
            Self::SubnetCreate(change) => Ok(change.step()?.map(Self::SubnetCreate)),
            Self::Network(state) => Ok(profile::current().networks.step(state)?.map(Self::Network)),
            Self::HostCreation(change) => Ok(change.step()?.map(Self::HostCreation)),
            Self::HostDeletion(change) => Ok(change.step()?.map(Self::HostDeletion)),
            Self::HostPower(change) => Ok(change.step()?.map(Self::HostPower)),
            Self::HostResizing(change) => Ok(change.step()?.map(Self::HostResizing)),
            Self::Volume(change) => Ok(change.step()?.map(Self::Volume)),
        }
    }

    fn cancel(self) -> Result<Progress<Self>, Error> {
        match self {
            Self::SubnetCreate(change) => Ok(Progress::Done(change.cancel()?)),
            // What was made is deleted; that is a change of its own, which the host asks for.
            Self::Network(_)
            | Self::HostCreation(_)
            | Self::HostDeletion(_)
            | Self::HostPower(_)
            | Self::HostResizing(_)
            | Self::Volume(_) => {
                Err(Error::unsupported("cancel", "this change cannot be cancelled; delete what it made"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use skywright_sdk::{Category, Driver};

    use crate::tenant::Openstack;

    #[test]
    fn a_foreign_token_is_refused() {
        for token in ["", r#"{"version":1,"operation":{"create":{}}}"#] {
            for error in [Openstack::poll(token.to_owned()), Openstack::cancel(token.to_owned())] {
                let error = error.unwrap_err();
                assert_eq!(
                    (error.category, error.code.as_str()),
                    (Category::InvalidRequest, "unknown-token")
                );
            }
        }
    }
}
