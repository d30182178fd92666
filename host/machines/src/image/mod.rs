//! Images: built once from this machine's own package sources, and kept in the cache.
//!
//! Containers have a folder to start from, virtual machines a disk with their kernel beside it; both are of the
//! same recipe, by the same packages and a few more.

mod sources;
mod virtual_disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::command::Command;
use crate::error::Error;
use crate::home::{Home, lock_file};
use crate::id::printable;
use crate::model::{Backend, Image, Progress};
use crate::mount;

/// What makes a fresh root an image of containers.
const CUSTOMIZE: &str = include_str!("customize.sh");

/// What a host has from the start: what the bootstrap of a host needs without the internet.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,openssh-server,sudo,passwd,iproute2,iputils-ping,nftables,\
    procps,netbase,ca-certificates,curl,e2fsprogs,less,libnss-myhostname,python3-minimal,tzdata";

pub(crate) use virtual_disk::{KERNEL_PACKAGE, VirtualImage};

/// A build takes some minutes; behind a slow mirror many.
const BUILD: Duration = Duration::from_secs(3600);

/// An image that can be built.
struct Recipe {
    id: &'static str,
    title: &'static str,
    family: &'static str,
    version: &'static str,
    suite: &'static str,
    user: &'static str,
}

const RECIPES: &[Recipe] = &[
    Recipe {
        id: "debian-12",
        title: "Debian 12 (bookworm)",
        family: "debian",
        version: "12",
        suite: "bookworm",
        user: "debian",
    },
    Recipe {
        id: "debian-13",
        title: "Debian 13 (trixie)",
        family: "debian",
        version: "13",
        suite: "trixie",
        user: "debian",
    },
];

fn recipe(id: &str) -> Result<&'static Recipe, Error> {
    RECIPES
        .iter()
        .find(|recipe| recipe.id == id)
        .ok_or_else(|| Error::NoSuch(format!("image `{}`", printable(id))))
}

/// Whether there is such an image.
pub(crate) fn check(id: &str) -> Result<(), Error> {
    recipe(id).map(drop)
}

/// Who gets the login keys.
pub(crate) fn login_user(id: &str) -> Result<&'static str, Error> {
    Ok(recipe(id)?.user)
}

/// All images.
pub(crate) fn list(home: &Home, backend: Backend) -> Vec<Image> {
    let described = RECIPES.iter().map(|recipe| {
        let size = fs::read_to_string(folder(home, recipe, backend).join("size")).ok();
        Image {
            id: recipe.id.to_owned(),
            name: recipe.title.to_owned(),
            os_family: recipe.family.to_owned(),
            os_version: recipe.version.to_owned(),
            login_user: recipe.user.to_owned(),
            cached: size.is_some(),
            size_bytes: size.and_then(|text| text.trim().parse().ok()),
            cloud_init: backend == Backend::Qemu,
        }
    });
    described.collect()
}

/// The folder of the image that is made by this recipe: another recipe is another image. Updates of
/// packages, and other mirrors, are not: an image stays as it was built.
fn folder(home: &Home, recipe: &Recipe, backend: Backend) -> PathBuf {
    let parts: &[&str] = match backend {
        Backend::Containers => &[recipe.suite, PACKAGES, CUSTOMIZE, recipe.user],
        Backend::Qemu => {
            &[recipe.suite, PACKAGES, virtual_disk::PACKAGES, KERNEL_PACKAGE, virtual_disk::CUSTOMIZE]
        }
    };
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    home.images().join(format!("{}-{digest}", name(recipe, backend)))
}

/// What its files in the cache begin with.
fn name(recipe: &Recipe, backend: Backend) -> String {
    match backend {
        Backend::Containers => recipe.id.to_owned(),
        Backend::Qemu => format!("{}-virtual", recipe.id),
    }
}

/// The image of this id, built if need be; another process that builds it is waited for. A root of containers, or the
/// folder of a [`VirtualImage`].
pub(crate) fn ensure(
    home: &Home,
    id: &str,
    backend: Backend,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<PathBuf, Error> {
    let recipe = recipe(id)?;
    let (folder, name) = (folder(home, recipe, backend), name(recipe, backend));
    let image = match backend {
        Backend::Containers => folder.join("root"),
        Backend::Qemu => folder.clone(),
    };
    // It is there whole or not at all.
    if image.exists() {
        return Ok(image);
    }
    let images = home.images();
    fs::create_dir_all(&images).map_err(Error::file(&images))?;
    progress(Progress { percent: None, note: format!("waiting for the image {id}") });
    let _lock = lock_file(&images.join(format!("{name}.lock")))?;
    if image.exists() {
        return Ok(image);
    }
    let partial = images.join(format!("{name}.partial"));
    mount::remove_folder(&partial)?;
    fs::create_dir_all(&partial).map_err(Error::file(&partial))?;
    build(recipe, backend, &sources::of(recipe.suite)?, &partial, &progress)?;
    fs::rename(&partial, &folder).map_err(Error::file(&folder))?;
    Ok(image)
}

fn build(
    recipe: &Recipe,
    backend: Backend,
    sources: &str,
    folder: &Path,
    progress: &(impl Fn(Progress) + Send + Sync),
) -> Result<(), Error> {
    let root = folder.join("root");
    let tell = |percent: u8, what: &str| {
        progress(Progress {
            percent: Some(percent),
            note: format!("building the image {}: {what}", recipe.id),
        });
    };
    tell(0, "starting");
    install(recipe, &packages(backend), sources, &root, &tell)?;
    tell(95, "finishing");
    let settings = match backend {
        Backend::Containers => format!("LOGIN_USER='{}'\n{CUSTOMIZE}", recipe.user),
        Backend::Qemu => format!("KERNEL='{KERNEL_PACKAGE}'\n{}", virtual_disk::CUSTOMIZE),
    };
    alone("sh").args(["-c", &settings, "sh"]).arg(&root).timeout(BUILD).run()?;
    if backend == Backend::Qemu {
        virtual_disk::make(folder, &root, size_of(&root)?)?;
    }
    let size = size_of(folder)?;
    fs::write(folder.join("size"), size.to_string()).map_err(Error::file(folder.join("size")))
}

fn packages(backend: Backend) -> String {
    match backend {
        Backend::Containers => PACKAGES.to_owned(),
        Backend::Qemu => format!("{PACKAGES},{},{KERNEL_PACKAGE}", virtual_disk::PACKAGES),
    }
}

/// The room that a folder takes, in bytes.
fn size_of(folder: &Path) -> Result<u64, Error> {
    let size = Command::new("du").args(["--summarize", "--block-size=1"]).arg(folder).timeout(BUILD).run()?;
    Ok(size.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// Makes a root of these packages.
fn install(
    recipe: &Recipe,
    packages: &str,
    sources: &str,
    root: &Path,
    tell: &(impl Fn(u8, &str) + Sync),
) -> Result<(), Error> {
    let base = alone("mmdebstrap")
        .args(["--mode=root", "--variant=apt", "--format=directory"])
        .arg(format!("--include={packages}"))
        .args(["--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io"])
        .args(sources::options()?.into_iter().map(|option| format!("--aptopt={option}")))
        .args(
            ["man", "doc", "locale", "info"]
                .map(|what| format!("--dpkgopt=path-exclude=/usr/share/{what}/*")),
        )
        .arg(recipe.suite)
        .arg(root)
        .arg("-")
        .input(sources)
        .timeout(BUILD);
    base.run_watched(|line| {
        if let Some((percent, what)) = step(line) {
            tell(percent, what);
        }
    })
    .map(drop)
}

/// A command in namespaces of its own, that ends with this process: neither its mounts nor its processes
/// outlive a kill.
fn alone(program: &'static str) -> Command {
    Command::new("unshare").args(["--mount", "--pid", "--fork", "--kill-child"]).args([
        "--mount-proc",
        "--",
        program,
    ])
}

/// How far a line of mmdebstrap says that it is, by the time that each step takes.
fn step(line: &str) -> Option<(u8, &'static str)> {
    let steps = [
        ("running apt-get update", 3, "reading the package lists"),
        ("downloading packages with apt", 10, "loading packages"),
        ("extracting archives", 30, "unpacking"),
        ("installing essential packages", 40, "installing the base"),
        ("installing remaining packages", 55, "installing packages"),
        ("cleaning package lists", 90, "cleaning up"),
    ];
    let known =
        steps.iter().find(|(begin, ..)| line.strip_prefix("I: ").is_some_and(|l| l.starts_with(begin)));
    known.map(|(_, percent, what)| (*percent, *what))
}
