//! What a flavor's name says where it follows the Sovereign Cloud Stack's standard 0100:
//! `SCS-16T-64-200s_a3_GNa-64` is 16 threads, 64 GiB, a local SSD of 200 GB, ARM, a GPU of Nvidia's.

use skywright_sdk::catalog::{Architecture, DiskKind};

/// The parts of a name that the flavor itself does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScsName<'a> {
    head: &'a str,
    extensions: Option<&'a str>,
}

impl<'a> ScsName<'a> {
    /// `None` for a name that is not of the standard.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let rest = name.strip_prefix("SCS-")?;
        Some(match rest.split_once('_') {
            Some((head, extensions)) => Self { head, extensions: Some(extensions) },
            None => Self { head: rest, extensions: None },
        })
    }

    /// The root disk's kind; `None` where the name leaves it open.
    pub(crate) fn disk_kind(self) -> Option<DiskKind> {
        match self.head.split('-').nth(2)?.chars().last()? {
            'n' => Some(DiskKind::Network),
            'h' => Some(DiskKind::LocalHdd),
            's' => Some(DiskKind::LocalSsd),
            'p' => Some(DiskKind::Nvme),
            _ => None,
        }
    }

    /// The processor's architecture; `None` where the name leaves it open.
    pub(crate) fn architecture(self) -> Option<Architecture> {
        self.extensions().find_map(|extension| {
            // A letter, a generation, and `h` for each step of speed.
            let mut rest = extension.chars();
            let vendor = rest.next()?;
            let plain = rest.all(|c| c.is_ascii_digit() || c == 'h');
            match vendor {
                'a' if plain => Some(Architecture::Arm64),
                'r' if plain => Some(Architecture::Other),
                'i' | 'z' if plain => Some(Architecture::Amd64),
                _ => None,
            }
        })
    }

    /// The GPU that is passed through (`G`) or shared (`g`), by vendor and code.
    pub(crate) fn gpu(self) -> Option<String> {
        self.extensions().find_map(|extension| {
            let code = extension.strip_prefix(['G', 'g'])?;
            let vendor = match code.chars().next()? {
                'N' => "Nvidia",
                'A' => "AMD",
                'I' => "Intel",
                _ => return None,
            };
            Some(format!("{vendor} {code}"))
        })
    }

    fn extensions(self) -> impl Iterator<Item = &'a str> {
        self.extensions.into_iter().flat_map(|extensions| extensions.split('_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ScsName<'_> {
        ScsName::parse(name).unwrap()
    }

    #[test]
    fn disks() {
        assert_eq!(name("SCS-2V-4-20s").disk_kind(), Some(DiskKind::LocalSsd));
        assert_eq!(name("SCS-2C-4-3x10p_bms_z3").disk_kind(), Some(DiskKind::Nvme));
        assert_eq!(name("SCS-2C-4-n").disk_kind(), Some(DiskKind::Network));
        assert_eq!(name("SCS-2V-4-20").disk_kind(), None);
        assert_eq!(name("SCS-2V-4").disk_kind(), None);
    }

    #[test]
    fn architectures() {
        assert_eq!(name("SCS-2V-4_a1").architecture(), Some(Architecture::Arm64));
        assert_eq!(name("SCS-2V-4_kvm_z3hh").architecture(), Some(Architecture::Amd64));
        assert_eq!(name("SCS-2V-4_ib").architecture(), None);
        assert_eq!(name("SCS-2V-4").architecture(), None);
    }

    #[test]
    fn gpus() {
        assert_eq!(name("SCS-16T-64-200s_GNa-64_ib").gpu().as_deref(), Some("Nvidia Na-64"));
        assert_eq!(name("SCS-4V-16_gAm-10").gpu().as_deref(), Some("AMD Am-10"));
        assert_eq!(name("SCS-4V-16_i2").gpu(), None);
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_borne(rest in "([0-9]|-|_|[Gghinpsz]|.){0,16}") {
            let text = format!("SCS-{rest}");
            let name = name(&text);
            let _ = (name.disk_kind(), name.architecture(), name.gpu());
        }
    }

    #[test]
    fn other_names_say_nothing() {
        assert_eq!(ScsName::parse("s3.xlarge.4"), None);
    }
}
