//! A volume's file system on the host that has it.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::hosts::State;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::name::Name;
use crate::on_host::Script;
use crate::operation::Operation;
use crate::report::Step;
use crate::tenancy::Tenancy;

/// What an empty volume is formatted with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileSystem {
    /// The one that every Linux has.
    #[default]
    Ext4,
    /// For large files.
    Xfs,
    /// With snapshots and checksums.
    Btrfs,
}

impl FileSystem {
    /// The word for people and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FileSystem {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Ext4, Self::Xfs, Self::Btrfs].into_iter().find(|known| known.name() == text).ok_or_else(|| {
            Error::Invalid {
                what: "file system".to_owned(),
                reason: "it is `ext4`, `xfs` or `btrfs`".to_owned(),
            }
        })
    }
}

/// A place in a host's file system: an absolute path of letters, digits, `.`, `_`, `-` and `/`, not the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(String);

impl HostPath {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// The path, which does not end in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        let path = text.trim_end_matches('/');
        let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
        let good = parts.is_some_and(|mut parts| parts.all(|part| !matches!(part, "" | "." | "..")));
        if good && path.len() <= Self::MAX_BYTES && path.chars().all(allowed) {
            return Ok(Self(path.to_owned()));
        }
        Err(Error::Invalid {
            what: "path".to_owned(),
            reason: "a path on a host begins with `/`, and has letters, digits, `.`, `_`, `-` and `/` alone"
                .to_owned(),
        })
    }
}

impl TryFrom<String> for HostPath {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<HostPath> for String {
    fn from(path: HostPath) -> Self {
        path.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a volume is to be mounted, and what is made of an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRequest {
    /// Where; `/data/VOLUME` by default.
    pub path: Option<HostPath>,
    /// What an empty volume is formatted with; without it an empty volume is refused. One with a file system on it
    /// is never formatted.
    pub format: Option<FileSystem>,
}

/// A mount that is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlannedMount {
    pub(super) path: HostPath,
    pub(super) format: Option<FileSystem>,
}

impl PlannedMount {
    pub(super) fn new(request: &MountRequest, volume: &Name) -> Result<Self, Error> {
        let path = match &request.path {
            Some(path) => path.clone(),
            None => format!("/data/{volume}").parse()?,
        };
        Ok(Self { path, format: request.format })
    }
}

/// Where a volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    /// Where.
    pub path: HostPath,
    /// What is on it.
    pub file_system: String,
    /// The file system's own id, by which it is mounted.
    pub uuid: String,
    /// Its disk, as the host calls it today.
    pub device: String,
}

/// What the script answers.
#[derive(Debug, Deserialize)]
struct Mounted {
    device: String,
    uuid: String,
    file_system: String,
    formatted: bool,
}

/// The numbers of the disks that the host had before anything was attached, whoever asks.
pub(super) async fn disks_before(operation: &Operation<'_>, host: &Name) -> Result<Zeroizing<String>, Error> {
    let listed =
        operation.tenancy().run_script(host.as_str(), "looking at the disks", Script::ListDisks, &[]).await?;
    let numbers: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    operation.keep("disks before", || Ok(Zeroizing::new(numbers.join(" ")))).await
}

/// A volume on its way to a place.
pub(super) struct Mounting<'a> {
    pub(super) volume: &'a Name,
    pub(super) volume_id: &'a str,
    pub(super) host: &'a Name,
    pub(super) device: Option<&'a str>,
    pub(super) before: &'a str,
    pub(super) mount: &'a PlannedMount,
}

impl Mounting<'_> {
    /// Mounts it, on an empty one after formatting it.
    pub(super) async fn mount(&self, operation: &Operation<'_>) -> Result<VolumeMount, Error> {
        let tenancy = operation.tenancy();
        let title = format!("volume {} on {}", self.volume, self.host);
        tenancy.report().step(&Step::new(&title, "mounting"));
        // The same in every attempt: so a file system that an attempt before this one made is known.
        let uuid = operation.keep("file system", || Ok(Zeroizing::new(random_uuid()?))).await?;
        let (path, kind) = (self.mount.path.as_str(), self.mount.format.unwrap_or_default().name());
        let format = if self.mount.format.is_some() { "yes" } else { "no" };
        let device = self.device.unwrap_or_default();
        let arguments =
            [self.volume.as_str(), path, kind, format, &uuid, self.volume_id, device, self.before];
        let what = format!("mounting the volume {}", self.volume);
        let answer = tenancy.run_script(self.host.as_str(), &what, Script::MountVolume, &arguments).await?;
        let mounted: Mounted = serde_json::from_str(answer.trim()).map_err(|_| Error::OnHost {
            what,
            host: self.host.to_string(),
            why: "what it answers makes no sense".to_owned(),
        })?;
        let done = if mounted.formatted { "formatted and mounted" } else { "mounted as it was" };
        tenancy.report().step(&Step::new(&title, done));
        Ok(VolumeMount {
            path: self.mount.path.clone(),
            file_system: mounted.file_system,
            uuid: mounted.uuid,
            device: mounted.device,
        })
    }
}

/// Unmounts a volume on a host that runs. One that is switched off has nothing mounted.
pub(super) async fn unmount(
    tenancy: &Tenancy,
    volume: &Name,
    host: &Name,
    host_id: &str,
    path: &HostPath,
) -> Result<(), Error> {
    if tenancy.cloud().ask(|p| p.get_host(host_id)).await?.state == State::Stopped {
        return Ok(());
    }
    let title = format!("volume {volume} on {host}");
    tenancy.report().step(&Step::new(&title, "unmounting"));
    let what = format!("unmounting the volume {volume}");
    let arguments = [volume.as_str(), path.as_str()];
    tenancy.run_script(host.as_str(), &what, Script::UnmountVolume, &arguments).await?;
    tenancy.report().step(&Step::new(&title, "unmounted"));
    Ok(())
}

fn random_uuid() -> Result<String, Error> {
    let mut bytes = [0; 16];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Error::Internal("the system gives no random numbers".to_owned()))?;
    // Version 4, variant 1.
    (bytes[6], bytes[8]) = (bytes[6] & 0x0f | 0x40, bytes[8] & 0x3f | 0x80);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_plain() {
        for good in ["/data", "/data/a-b_c.d", "/data/"] {
            assert!(good.parse::<HostPath>().is_ok(), "{good}");
        }
        for bad in ["", "/", "//", "data", "/a/../b", "/a/./b", "/a//b", "/a b", "/a'b", "/ä", "/a\n", "/$x"]
        {
            assert!(bad.parse::<HostPath>().is_err(), "{bad}");
        }
        assert_eq!("/data/".parse::<HostPath>().unwrap().as_str(), "/data");
    }

    #[test]
    fn ids_of_file_systems_are_version_4() {
        let uuid = random_uuid().unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert_ne!(uuid, random_uuid().unwrap());
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_none(text in "[/a-c. \\n'$]{0,12}") {
            if let Ok(path) = text.parse::<HostPath>() {
                prop_assert!(path.as_str().starts_with('/') && !path.as_str().contains("/.."));
                prop_assert_eq!(path.as_str().parse::<HostPath>().unwrap(), path);
            }
        }
    }
}
