//! Hosts over SSH: who signs in where, through which gateways, and which host keys are theirs.

use skywright_ssh::{Client, ClientKey, ConfigHost, Connection, Endpoint, HostKeys, PinnedKey, Target};
use skywright_state::{Found, Transaction};

use crate::error::Error;
use crate::resource::{HostBody, SshAccess};
use crate::tenancy::Tenancy;

impl Tenancy {
    /// The way to a host. Its host keys are those that its console showed when it first booted; where the cloud
    /// shows none, those of the first connection.
    ///
    /// # Errors
    ///
    /// If there is no such host, no private key of it is known, or the state cannot be read.
    pub async fn ssh_target(&self, reference: &str) -> Result<Target, Error> {
        target(&self.ssh_access(reference).await?)
    }

    /// The way to a host, with the names of all who are on it, for plain `ssh`.
    ///
    /// # Errors
    ///
    /// As [`ssh_target`](Self::ssh_target).
    pub async fn ssh_config_host(&self, reference: &str) -> Result<ConfigHost, Error> {
        let access = self.ssh_access(reference).await?;
        Ok(ConfigHost {
            target: target(&access)?,
            gateway_names: access.gateways.iter().map(|gateway| gateway.name.clone()).collect(),
            name: access.name,
        })
    }

    /// Connects to a host, and keeps the host key that it shows if none was known before.
    ///
    /// # Errors
    ///
    /// As [`ssh_target`](Self::ssh_target), and [`Error::Ssh`], which knows whether anything leads to the host.
    pub async fn connect(&self, client: &Client, reference: &str) -> Result<Connection, Error> {
        let access = self.ssh_access(reference).await?;
        let target = target(&access)?;
        let connection = client.connect(&target).await.map_err(|error| Error::Ssh {
            error: Box::new(error),
            inside: access.is_inside().then(|| access.name.clone()),
        })?;
        if target.endpoint.host_keys == HostKeys::Unknown {
            let key = connection.host_key();
            let fingerprint = key.fingerprint();
            self.report().notice(&format!(
                "the host key of `{reference}` was not known; from now on it is {fingerprint}"
            ));
            self.pin_host_key(reference, key.to_openssh()?).await?;
        }
        Ok(connection)
    }

    /// Writes down which host key a host has, if nobody did meanwhile.
    async fn pin_host_key(&self, reference: &str, key: String) -> Result<(), Error> {
        let Found { key: record_key, mut value, version } = self.record::<HostBody>(&[reference]).await?;
        if value.body.host_keys.is_empty() {
            value.body.host_keys.push(key);
            let transaction =
                Transaction::new().require(record_key.clone(), version).put_json(record_key, &value)?;
            self.store().commit(transaction).await?;
        }
        Ok(())
    }
}

fn target(access: &SshAccess) -> Result<Target, Error> {
    let gateways = access.gateways.iter().map(endpoint).collect::<Result<_, _>>()?;
    Ok(Target { endpoint: endpoint(access)?, gateways })
}

fn endpoint(access: &SshAccess) -> Result<Endpoint, Error> {
    let Some(key) = &access.private_key else {
        let what = format!("ssh to {}, whose private key is not known", access.address);
        let hint =
            Some("hosts that were adopted are reached with the key that they were made with".to_owned());
        return Err(Error::Unsupported { what, hint });
    };
    let pinned = access.host_keys.iter().map(|key| key.parse()).collect::<Result<Vec<PinnedKey>, _>>()?;
    Ok(Endpoint {
        address: access.address.clone(),
        port: access.port,
        user: access.user.clone(),
        key: ClientKey::from_openssh(key)?,
        host_keys: if pinned.is_empty() { HostKeys::Unknown } else { HostKeys::Pinned(pinned) },
    })
}

#[cfg(test)]
mod tests {
    use skywright_ssh::{Hop, Role};

    use super::*;

    #[test]
    fn a_host_that_nothing_leads_to_has_its_own_hint() {
        let hop = Hop { role: Role::Target, address: "10.0.0.5".to_owned(), port: 22 };
        let hint = |inside: Option<&str>| {
            let error =
                skywright_ssh::Error::Unreachable { hop: hop.clone(), reason: "no answer".to_owned() };
            Error::Ssh { error: Box::new(error), inside: inside.map(str::to_owned) }.hint().unwrap()
        };
        assert!(hint(Some("web")).contains("`skywright address bind ADDRESS web`"), "{}", hint(Some("web")));
        assert!(hint(None).contains("security group"), "{}", hint(None));
    }

    #[test]
    fn a_public_address_or_a_gateway_leads_to_a_host() {
        let access = |is_public: bool, gateways: Vec<SshAccess>| SshAccess {
            name: "web".to_owned(),
            user: "operator".to_owned(),
            address: "10.0.0.5".to_owned(),
            port: 22,
            gateways,
            host_keys: Vec::new(),
            private_key: None,
            is_public,
        };
        assert!(access(false, Vec::new()).is_inside());
        assert!(!access(true, Vec::new()).is_inside());
        assert!(!access(false, vec![access(true, Vec::new())]).is_inside());
    }
}
