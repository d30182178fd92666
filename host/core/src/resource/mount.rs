//! What shares and buckets have in common that hosts mount: a place on a host, and a script that goes there.

use serde::{Deserialize, Serialize};

use super::volume::HostPath;
use crate::error::Error;
use crate::name::Name;
use crate::on_host::Text;
use crate::report::Step;
use crate::tenancy::Tenancy;

/// Where something is mounted. As JSON it is shown just so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMount {
    /// The host's name.
    pub host: Name,
    /// Where on it.
    pub path: HostPath,
}

/// What is mounted, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mountable<'a> {
    /// `share` or `bucket`.
    pub(super) kind: &'static str,
    pub(super) name: &'a Name,
}

impl Mountable<'_> {
    /// A mount of it that can be made; at `path` or, by default, in the folder of its kind. A host mounts it once.
    ///
    /// # Errors
    ///
    /// If the host mounts it already.
    pub(super) fn place(
        self,
        mounts: &[HostMount],
        host: Name,
        path: Option<&HostPath>,
    ) -> Result<HostMount, Error> {
        let Self { kind, name } = self;
        if mounts.iter().any(|mount| mount.host == host) {
            let by = format!("the host {host}, which mounts it already");
            return Err(Error::InUse { kind, name: name.to_string(), by });
        }
        let path = match path {
            Some(path) => path.clone(),
            None => format!("/{kind}s/{name}").parse()?,
        };
        Ok(HostMount { host, path })
    }

    /// The mount of it that a host has.
    ///
    /// # Errors
    ///
    /// If the host does not mount it.
    pub(super) fn mount_of(self, mounts: Vec<HostMount>, host: &Name) -> Result<HostMount, Error> {
        mounts.into_iter().find(|mount| mount.host == *host).ok_or_else(|| Error::Invalid {
            what: format!("{} {}", self.kind, self.name),
            reason: format!("the host {host} does not mount it"),
        })
    }

    /// Has a host mount it.
    pub(super) async fn mount(
        self,
        tenancy: &Tenancy,
        host: &Name,
        script: impl Into<Text>,
        arguments: &[&str],
    ) -> Result<(), Error> {
        self.run(tenancy, host, ("mounting", "mounted"), script.into(), arguments).await
    }

    /// Has a host unmount it.
    pub(super) async fn unmount(
        self,
        tenancy: &Tenancy,
        mount: &HostMount,
        script: impl Into<Text>,
    ) -> Result<(), Error> {
        let arguments = [self.name.as_str(), mount.path.as_str()];
        self.run(tenancy, &mount.host, ("unmounting", "unmounted"), script.into(), &arguments).await
    }

    async fn run(
        self,
        tenancy: &Tenancy,
        host: &Name,
        (doing, done): (&'static str, &'static str),
        script: Text,
        arguments: &[&str],
    ) -> Result<(), Error> {
        let Self { kind, name } = self;
        let title = format!("{kind} {name} on {host}");
        tenancy.report().step(&Step::new(&title, doing));
        tenancy.run_script(host.as_str(), &format!("{doing} the {kind} {name}"), script, arguments).await?;
        tenancy.report().step(&Step::new(&title, done));
        Ok(())
    }
}

/// Writes down in a thing's mounts that it is mounted there.
pub(super) fn put(mounts: &mut Vec<HostMount>, mount: &HostMount) {
    mounts.retain(|known| known.host != mount.host);
    mounts.push(mount.clone());
}
