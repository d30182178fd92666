//! Whether KVM runs machines here, found by trying.
//!
//! That there is a `/dev/kvm` says little: one that is made for other kernels than Linux's own takes the first
//! instructions and then hangs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::PROGRAM;
use crate::command::{self, Command};
use crate::error::Error;
use crate::home::{Home, lock_file};
use crate::image::VirtualImage;

/// Set to `1` by the operator, machines that KVM does not run are emulated.
const EMULATE: &str = "SKYWRIGHT_QEMU_EMULATE";

const KVM: &str = "/dev/kvm";

/// How long a kernel has until it says something. It takes a tenth of a second.
const PROBE: Duration = Duration::from_secs(10);

/// How a machine's instructions are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acceleration {
    /// By the processor.
    Kvm,
    /// By QEMU, which is slow.
    Emulation,
}

/// Whether virtual machines can run here, as far as that is known without trying.
///
/// # Errors
///
/// [`Error::Unsupported`].
pub(crate) fn check(home: &Home) -> Result<(), Error> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(refused("they are known on x86_64 alone"));
    }
    for (program, package) in [(PROGRAM, "qemu-system-x86"), ("qemu-img", "qemu-utils")] {
        if command::find(program).is_none() {
            return Err(Error::Unsupported {
                what: format!("the program `{program}` is not on this machine"),
                hint: Some(format!("apt-get install --yes {package}")),
            });
        }
    }
    match without_kvm() {
        Some(refused) => Err(refused),
        None if is_emulated() || known(home)? != Some(false) => Ok(()),
        None => Err(refused(HANGS)),
    }
}

/// Why there can be no virtual machine, where nothing has to be tried for that.
pub(crate) fn without_kvm() -> Option<Error> {
    (!is_emulated() && !Path::new(KVM).exists()).then(|| refused("this machine has no /dev/kvm"))
}

const HANGS: &str = "KVM of this machine does not boot a stock kernel";

fn refused(why: &str) -> Error {
    Error::Unsupported {
        what: format!("no virtual machines here: {why}; the backend `containers` needs no KVM"),
        hint: Some(format!(
            "set the tenant's `backend` to `containers`; or, with {EMULATE}=1 in the environment, wait minutes for \
             each host to boot"
        )),
    }
}

fn is_emulated() -> bool {
    std::env::var_os(EMULATE).is_some_and(|value| value == "1")
}

/// How machines run here. KVM is tried once in each run of this machine, by this image's kernel, in at most 10 s.
///
/// # Errors
///
/// [`Error::Unsupported`] where KVM does not run them and the operator did not ask for emulation.
pub(super) fn choose(home: &Home, image: &VirtualImage) -> Result<Acceleration, Error> {
    if Path::new(KVM).exists() && works(home, image)? {
        return Ok(Acceleration::Kvm);
    }
    match is_emulated() {
        true => Ok(Acceleration::Emulation),
        false => Err(without_kvm().unwrap_or_else(|| refused(HANGS))),
    }
}

fn works(home: &Home, image: &VirtualImage) -> Result<bool, Error> {
    let _lock = lock_file(&home.images().join("kvm.lock"))?;
    if let Some(known) = known(home)? {
        return Ok(known);
    }
    let log = home.images().join("kvm.log");
    let said = probe(image, &log);
    let _ = fs::remove_file(&log);
    let answer = said.contains("Linux version");
    tracing::debug!(answer, "KVM was tried");
    let file = verdict(home);
    fs::write(&file, write_verdict(&run_of_machine()?, answer)).map_err(Error::file(file))?;
    Ok(answer)
}

/// What a kernel says on its console. Without a disk it panics at once, and QEMU ends.
fn probe(image: &VirtualImage, log: &Path) -> String {
    let ran = Command::new(PROGRAM)
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-net", "none"])
        .args(["-machine", "pc", "-accel", "kvm", "-cpu", "max", "-m", "256"])
        .arg("-kernel")
        .arg(image.kernel())
        .args(["-append", "console=ttyS0 panic=-1"])
        .arg("-serial")
        .arg(format!("file:{}", log.display()))
        .timeout(PROBE)
        .run();
    if let Err(error) = ran {
        tracing::debug!(%error, "KVM did not run a kernel to its end");
    }
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

fn verdict(home: &Home) -> PathBuf {
    home.images().join("kvm.tried")
}

/// What changes with each run of this machine.
fn run_of_machine() -> Result<String, Error> {
    let path = "/proc/sys/kernel/random/boot_id";
    Ok(fs::read_to_string(path).map_err(Error::file(path))?.trim().to_owned())
}

/// What was found since this machine was started, if it was tried.
fn known(home: &Home) -> Result<Option<bool>, Error> {
    let text = fs::read_to_string(verdict(home)).unwrap_or_default();
    Ok(read_verdict(&text, &run_of_machine()?))
}

fn write_verdict(run: &str, works: bool) -> String {
    format!("{run} {works}\n")
}

fn read_verdict(text: &str, run: &str) -> Option<bool> {
    let (of, works) = text.trim().split_once(' ')?;
    works.parse().ok().filter(|_| of == run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_holds_for_one_run_of_the_machine() {
        for works in [false, true] {
            assert_eq!(read_verdict(&write_verdict("a-b", works), "a-b"), Some(works));
            assert_eq!(read_verdict(&write_verdict("a-b", works), "a-c"), None);
        }
        for text in ["", "a-b", "a-b maybe", "true"] {
            assert_eq!(read_verdict(text, "a-b"), None, "{text}");
        }
    }

    #[test]
    fn what_was_found_not_to_work_is_refused_at_once() {
        if is_emulated() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(&folder.path().join("state"), &folder.path().join("cache")).unwrap();
        fs::create_dir_all(home.images()).unwrap();
        fs::write(verdict(&home), write_verdict(&run_of_machine().unwrap(), false)).unwrap();
        // Whatever else this machine lacks is refused in the same way.
        assert_eq!(check(&home).unwrap_err().code(), "unsupported-here");
    }

    #[test]
    fn a_refusal_says_what_else_there_is() {
        let error = refused(HANGS);
        assert_eq!(error.code(), "unsupported-here");
        assert!(error.to_string().contains("`containers`"), "{error}");
        assert!(error.hint().unwrap().contains(EMULATE));
    }
}
