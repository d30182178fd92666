//! Changes that take their time: one type for all, with a case for each kind.

use serde::{Deserialize, Serialize};
use skywright_sdk::{Error, Operation, Progress};

use crate::subnet_create::SubnetCreate;

/// What a token stands for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    SubnetCreate(SubnetCreate),
}

impl Operation for Change {
    fn step(self) -> Result<Progress<Self>, Error> {
        match self {
            Self::SubnetCreate(change) => Ok(change.step()?.map(Self::SubnetCreate)),
        }
    }

    fn cancel(self) -> Result<Progress<Self>, Error> {
        match self {
            Self::SubnetCreate(change) => Ok(Progress::Done(change.cancel()?)),
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
