//! What the plugin declares.

use skywright_sdk::prelude::*;

/// The one region there is.
pub(crate) const REGION: &str = "local";

/// What the host reads itself, as it makes the hosts: the choices are its backends.
const BACKEND: &str = "backend";

/// User data beyond this is refused by the host.
const USER_DATA_LIMIT_BYTES: u32 = 64 << 10;

/// A machine boots some hosts at once; more would only make each wait for the others.
const CREATE_PARALLELISM: u32 = 4;

pub(crate) fn driver_info() -> DriverInfo {
    DriverInfo {
        name: "local".to_owned(),
        title: "this machine".to_owned(),
        documentation: "docs/local.md".to_owned(),
        settings: vec![
            Setting::choice(
                BACKEND,
                &["containers", "qemu"],
                "what new hosts are run by: containers on this machine's kernel, or virtual machines by QEMU",
            )
            .with_default("containers"),
        ],
        endpoints: Vec::new(),
        rates: Vec::new(),
    }
}

pub(crate) fn capabilities(region: &str) -> Result<Capabilities, Error> {
    if !region.is_empty() && region != REGION {
        let message = format!("there is no region {region}, {REGION} alone");
        return Err(Error::new(Category::NotFound, "no-region", message).with_subject(region));
    }
    Ok(Capabilities {
        public_address_mode: PublicAddressMode::Floating,
        virtual_ip: true,
        managed_nat: true,
        port_security_toggle: true,
        ipv6: false,
        resize: true,
        user_data_limit_bytes: USER_DATA_LIMIT_BYTES,
        idempotent_create: true,
        create_parallelism: CREATE_PARALLELISM,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_containers_unless_the_tenant_says_otherwise() {
        let settings = driver_info().settings;
        let backend = settings.iter().find(|setting| setting.key == BACKEND).unwrap();
        assert_eq!(backend.default.as_deref(), Some("containers"));
        assert_eq!(backend.choices, ["containers", "qemu"]);
    }

    #[test]
    fn another_region_is_refused() {
        assert!(capabilities("").is_ok() && capabilities(REGION).is_ok());
        assert_eq!(capabilities("elsewhere").unwrap_err().category, Category::NotFound);
    }
}
