//! This machine's own package sources, as an image uses them.

use std::fs;

use crate::command::Command;
use crate::error::Error;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The lines of `sources.list` for a suite of Debian: this machine's own, with its suite in the place of
/// this machine's. Sources of others than Debian are not among them.
pub(super) fn of(suite: &str) -> Result<String, Error> {
    let release = "/etc/os-release";
    let text = fs::read_to_string(release).map_err(Error::file(release))?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    if value("ID") != "debian" {
        return Err(Error::Unsupported {
            what: "images are built from Debian's package sources, and this machine has others".to_owned(),
            hint: None,
        });
    }
    // apt reads all of its formats itself.
    let targets = Command::new("apt-get")
        .args(["indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
        .run()?;
    let lines = lines(&targets, &value("VERSION_CODENAME"), suite);
    match lines.is_empty() {
        true => Err(Error::Unsupported {
            what: "apt has no source of Debian on this machine".to_owned(),
            hint: Some("add Debian to /etc/apt/sources.list.d".to_owned()),
        }),
        false => Ok(lines),
    }
}

fn lines(targets: &str, here: &str, suite: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for target in targets.lines() {
        let mut words = target.split_whitespace();
        let (Some(site), Some(release), Some(component)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let Some(rest) =
            release.strip_prefix(here).filter(|rest| matches!(*rest, "" | "-updates" | "-security"))
        else {
            continue;
        };
        let line = format!("deb [signed-by={KEYRING}] {site} {suite}{rest} {component}");
        if component == "main" && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.sort();
    lines.into_iter().map(|line| line + "\n").collect()
}

/// What of this machine's settings of apt an image needs to reach the same mirror.
pub(super) fn options() -> Result<Vec<String>, Error> {
    let all = Command::new("apt-config").arg("dump").run()?;
    Ok(wanted(&all))
}

fn wanted(dump: &str) -> Vec<String> {
    let begins = ["Acquire::http::Proxy ", "Acquire::https::Proxy ", "Acquire::Check-", "Acquire::Retries "];
    let lines = dump.lines().filter(|line| begins.iter().any(|begin| line.starts_with(begin)));
    lines.filter(|line| !line.ends_with("\"\";")).map(|line| line.trim_end_matches(';').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_debians_own_in_the_suite_of_the_image() {
        let targets = "http://deb.debian.org/debian/ bookworm main\nhttp://deb.debian.org/debian/ bookworm main\n\
            http://deb.debian.org/debian/ bookworm-updates main\nhttp://security/ bookworm-security main\n\
            http://deb.debian.org/debian/ bookworm non-free\nhttps://others.example/ nodistro main\n\
            https://others.example/ cloud-bookworm main\nhttps://x/ bookworm-backports main\nodd\n";
        let lines = lines(targets, "bookworm", "trixie");
        let sites: Vec<_> = lines.lines().map(|line| line.split_once("] ").unwrap().1).collect();
        assert_eq!(
            sites,
            [
                "http://deb.debian.org/debian/ trixie main",
                "http://deb.debian.org/debian/ trixie-updates main",
                "http://security/ trixie-security main",
            ]
        );
    }

    #[test]
    fn settings_are_those_that_reach_the_mirror() {
        let dump = "APT \"\";\nAcquire::http::Proxy \"http://proxy:3128\";\nAcquire::https::Proxy \"\";\n\
            Acquire::Check-Date \"false\";\nDPkg::Post-Invoke:: \"rm -rf /\";\n";
        assert_eq!(
            wanted(dump),
            ["Acquire::http::Proxy \"http://proxy:3128\"", "Acquire::Check-Date \"false\""]
        );
    }
}
