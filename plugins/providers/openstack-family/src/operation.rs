//! Changes that take their time.

use serde::{Deserialize, Serialize};
use skywright_sdk::{Error, Operation, Progress};

/// None yet: what is released only reads. A token can therefore be of nothing that was made here.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Change {}

impl Operation for Change {
    fn step(self) -> Result<Progress<Self>, Error> {
        match self {}
    }
}

#[cfg(test)]
mod tests {
    use skywright_sdk::{Category, Driver};

    use crate::tenant::Openstack;

    #[test]
    fn no_token_is_known() {
        for token in ["", r#"{"version":1,"operation":{"Create":{}}}"#] {
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
