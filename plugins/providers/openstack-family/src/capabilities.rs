//! What a region can do.

use std::collections::BTreeSet;

use serde::Deserialize;
use skywright_sdk::prelude::*;
use skywright_sdk::{cache, log};

use crate::cloud::Cloud;
use crate::{microversion, profile};

/// Nova takes 65,535 characters of base64: three bytes of user data to four of them.
const USER_DATA_LIMIT_BYTES: u32 = 65_535 / 4 * 3;

/// How long a region's extensions are believed, in seconds.
const KEPT_S: u32 = 86_400;

/// Asks Neutron for its extensions, and Nova whether it is there.
pub(crate) fn of_region(region: &str) -> Result<Capabilities, Error> {
    let cloud = Cloud::open()?;
    let version = microversion::negotiate(&cloud.compute(region)?)?;
    let network = cloud.network(region)?;
    let extensions = extensions(&network)?;
    log::debug!("{} extensions of the network, compute {version:?}", extensions.len(); region = region);
    let has = |alias: &str| extensions.contains(alias);
    Ok(Capabilities {
        public_address_mode: chosen_mode(has("router")),
        virtual_ip: has("allowed-address-pairs"),
        managed_nat: has("router") && has("ext-gw-mode"),
        port_security_toggle: has("port-security"),
        ipv6: profile::current().ipv6,
        resize: true,
        user_data_limit_bytes: USER_DATA_LIMIT_BYTES,
        idempotent_create: false,
        create_parallelism: create_parallelism()?,
    })
}

/// Neutron's extensions, by alias.
fn extensions(network: &Client) -> Result<BTreeSet<String>, Error> {
    if let Some(known) = profile::current().network_extensions {
        return Ok(known.iter().map(|&alias| alias.to_owned()).collect());
    }
    cache::get_or(&format!("network-extensions {}", network.base()), KEPT_S, || {
        let answer: Answer = network.get("/extensions").json()?;
        Ok(answer.extensions.into_iter().map(|extension| extension.alias).collect())
    })
}

/// How hosts get public addresses. The cloud is asked where the tenant does not say.
pub(crate) fn public_address_mode(network: &Client) -> Result<PublicAddressMode, Error> {
    if settings::text("public-address-mode").is_some() {
        return Ok(chosen_mode(false));
    }
    Ok(chosen_mode(extensions(network)?.contains("router")))
}

/// Floating addresses need a router between; a cloud with one may still prefer the other way.
fn chosen_mode(has_router: bool) -> PublicAddressMode {
    match settings::text("public-address-mode").as_deref() {
        Some("floating") => PublicAddressMode::Floating,
        Some("extra-nic") => PublicAddressMode::ExtraNic,
        Some("ephemeral") => PublicAddressMode::Ephemeral,
        _ if has_router => PublicAddressMode::Floating,
        _ => PublicAddressMode::ExtraNic,
    }
}

fn create_parallelism() -> Result<u32, Error> {
    Ok(settings::integer("create-parallelism")?.and_then(|n| u32::try_from(n).ok()).unwrap_or(4).max(1))
}

#[derive(Deserialize)]
struct Answer {
    extensions: Vec<Extension>,
}

#[derive(Deserialize)]
struct Extension {
    alias: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::{Openstack, recorded};

    #[test]
    fn the_cloud_is_asked_and_its_answer_kept() {
        let twice = || {
            let first = Openstack::capabilities_of("RegionOne".to_owned()).unwrap();
            assert_eq!(Openstack::capabilities_of("RegionOne".to_owned()).unwrap(), first);
            first
        };
        let capabilities = recorded("capabilities").play(twice);
        assert_eq!(capabilities.public_address_mode, PublicAddressMode::Floating);
        assert!(capabilities.virtual_ip && capabilities.managed_nat && capabilities.port_security_toggle);
        assert_eq!((capabilities.user_data_limit_bytes, capabilities.create_parallelism), (49_149, 4));
    }

    #[test]
    fn the_tenant_may_prefer_the_other_way() {
        let tenant = recorded("capabilities").setting("public-address-mode", "extra-nic");
        let capabilities = tenant.play(|| Openstack::capabilities_of("RegionOne".to_owned())).unwrap();
        assert_eq!(capabilities.public_address_mode, PublicAddressMode::ExtraNic);
    }
}
