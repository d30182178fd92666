//! A step's work, rendered for one host.

use skywright_recipe_format::limits::{FILE_BYTES, SCRIPT_BYTES, TEXT_CHARACTERS};
use skywright_recipe_format::plan::{self, Probe};
use skywright_recipe_format::{
    File, Firewall, OutputRef, Packages, Publish, Script, Service, SourceKind, Value, Wait, Work, parse_ports,
};
use tera::Context;

use crate::refusal::Refusal;
use crate::render::Renderer;

/// Says which host's output is meant: of a reference, where it stands.
pub(crate) type Resolve<'a> = &'a dyn Fn(&str, &OutputRef) -> Result<plan::OutputRef, Refusal>;

/// What rendering for one host needs.
pub(crate) struct Fragment<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) context: &'a Context,
    pub(crate) resolve: Resolve<'a>,
}

impl Fragment<'_> {
    /// The work, which stands at `path` in the recipe.
    pub(crate) fn work(&self, path: &str, work: &Work) -> Result<plan::Work, Refusal> {
        Ok(match work {
            Work::Script(script) => plan::Work::Script(self.script(path, script)?),
            Work::File(file) => plan::Work::File(self.file(path, file)?),
            Work::Packages(packages) => plan::Work::Packages(self.packages(path, packages)?),
            Work::Service(service) => plan::Work::Service(self.service(path, service)?),
            Work::Firewall(rule) => plan::Work::Firewall(self.firewall(path, rule)?),
            Work::Publish(rule) => plan::Work::Publish(self.publish(rule)?),
            Work::Wait(wait) => plan::Work::Wait(self.wait(path, wait)?),
            Work::Reboot => plan::Work::Reboot,
        })
    }

    fn text(&self, text: &str) -> Result<String, Refusal> {
        self.renderer.inline(text, self.context, TEXT_CHARACTERS)
    }

    fn optional(&self, text: Option<&String>) -> Result<Option<String>, Refusal> {
        text.map(|text| self.text(text)).transpose()
    }

    /// A list without what renders to nothing.
    fn list(&self, texts: &[String]) -> Result<Vec<String>, Refusal> {
        let mut list = Vec::new();
        for text in texts {
            // One template may render several, with line ends between them.
            let rendered = self.text(text)?;
            list.extend(rendered.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        Ok(list)
    }

    /// A text of one line that something is called by.
    fn word(
        &self,
        path: &str,
        text: &str,
        is: fn(&str) -> bool,
        expected: &'static str,
    ) -> Result<String, Refusal> {
        let rendered = self.text(text)?;
        let word = rendered.trim();
        if word.is_empty() || !is(word) {
            return Err(wrong(path, word, expected));
        }
        Ok(word.to_owned())
    }

    /// An inline text or a file of `scripts/`.
    fn body(
        &self,
        template: Option<&String>,
        text: Option<&String>,
        limit: usize,
    ) -> Result<String, Refusal> {
        match (template, text) {
            (Some(name), _) => self.renderer.file(name, self.context, limit),
            (None, Some(text)) => self.renderer.inline(text, self.context, limit),
            (None, None) => Ok(String::new()),
        }
    }

    fn script(&self, path: &str, script: &Script) -> Result<plan::Script, Refusal> {
        let mut environment = Vec::new();
        for (name, value) in &script.environment {
            let value = match value {
                Value::Text(text) => plan::Value::Plain(self.text(text)?),
                Value::Secret(secret) => plan::Value::SecretParameter(secret.secret.clone()),
                Value::Output(output) => plan::Value::Output((self.resolve)(
                    &format!("{path}.environment.{name}"),
                    &output.output,
                )?),
            };
            environment.push(plan::Binding { name: name.clone(), value });
        }
        let as_user = script.as_user.as_ref();
        let as_user = as_user.map(|user| self.word(&format!("{path}.as_user"), user, is_account, ACCOUNT));
        let creates = script.creates.as_ref();
        let creates = creates.map(|file| self.word(&format!("{path}.creates"), file, is_path, PATH));
        Ok(plan::Script {
            interpreter: script.interpreter.clone(),
            text: self.body(script.template.as_ref(), script.text.as_ref(), SCRIPT_BYTES)?,
            as_user: as_user.transpose()?,
            environment,
            unless: self.optional(script.unless.as_ref())?,
            creates: creates.transpose()?,
        })
    }

    fn file(&self, path: &str, file: &File) -> Result<plan::File, Refusal> {
        let content = match (&file.secret, &file.output) {
            (Some(secret), _) => plan::Value::SecretParameter(secret.clone()),
            (None, Some(output)) => plan::Value::Output((self.resolve)(&format!("{path}.output"), output)?),
            (None, None) => {
                plan::Value::Plain(self.body(file.template.as_ref(), file.text.as_ref(), FILE_BYTES)?)
            }
        };
        Ok(plan::File {
            path: self.word(&format!("{path}.path"), &file.path, is_path, PATH)?,
            content,
            mode: file.mode_bits().unwrap_or(0o600),
            owner: self.word(&format!("{path}.owner"), &file.owner, is_account, ACCOUNT)?,
            group: self.word(&format!("{path}.group"), &file.group, is_account, ACCOUNT)?,
            present: file.present,
        })
    }

    fn packages(&self, path: &str, packages: &Packages) -> Result<plan::PackageSet, Refusal> {
        let mut sources = Vec::new();
        for (index, source) in packages.sources.iter().enumerate() {
            let uri = self.text(&source.uri)?.trim().to_owned();
            if uri.is_empty() {
                continue;
            }
            if !is_uri(&uri) {
                return Err(wrong(
                    &format!("{path}.sources[{index}].uri"),
                    &uri,
                    "an http, https or file URI",
                ));
            }
            let key = source.key.as_ref().map(|name| self.renderer.file(name, self.context, SCRIPT_BYTES));
            sources.push(plan::PackageSource {
                name: source.name.clone(),
                kind: if source.kind == SourceKind::Apt { "apt" } else { "dnf" }.to_owned(),
                uri,
                suites: self.list(&source.suites)?,
                components: self.list(&source.components)?,
                key: key.transpose()?,
                present: source.present,
            });
        }
        let mut all = Vec::new();
        for (key, names, present) in
            [("install", &packages.install, true), ("remove", &packages.remove, false)]
        {
            for name in self.list(names)? {
                let (name, version) = match name.split_once('=') {
                    Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
                    None => (name, None),
                };
                if !is_package(&name) || version.as_deref().is_some_and(|version| !is_version(version)) {
                    return Err(wrong(&format!("{path}.{key}"), &name, "a package's name, or name=version"));
                }
                all.push(plan::SystemPackage { name, version, present });
            }
        }
        Ok(plan::PackageSet { sources, packages: all })
    }

    fn service(&self, path: &str, service: &Service) -> Result<plan::Service, Refusal> {
        let name = self.word(&format!("{path}.name"), &service.name, is_unit, "a service's name")?;
        Ok(plan::Service { name, enabled: service.enabled, state: service.state })
    }

    fn firewall(&self, path: &str, rule: &Firewall) -> Result<plan::FirewallRule, Refusal> {
        let ports = self.text(&rule.ports)?;
        let ports = parse_ports(ports.trim())
            .map_err(|_| wrong(&format!("{path}.ports"), &ports, "ports, such as 80,443 or 30000-32767"))?;
        Ok(plan::FirewallRule {
            name: rule.name.clone(),
            protocol: rule.protocol,
            ports,
            sources: self.list(&rule.sources)?,
            at_gateways: rule.at_gateways,
            open: rule.open,
        })
    }

    fn publish(&self, rule: &Publish) -> Result<plan::PublishedService, Refusal> {
        Ok(plan::PublishedService {
            name: rule.name.clone(),
            host_name: self.optional(rule.host_name.as_ref())?,
            path: self.text(&rule.path)?,
            upstreams: self.list(&rule.upstreams)?,
            strip_path: rule.strip_path,
            allowed_from: self.list(&rule.allowed_from)?,
            denied_from: self.list(&rule.denied_from)?,
            present: rule.present,
        })
    }

    fn wait(&self, path: &str, wait: &Wait) -> Result<plan::Wait, Refusal> {
        let probe = match (&wait.tcp, &wait.http, &wait.command) {
            (Some(port), ..) => {
                let text = self.text(port)?;
                let port = text.trim().parse().ok().filter(|port| *port != 0);
                Probe::Tcp(
                    port.ok_or_else(|| wrong(&format!("{path}.tcp"), &text, "a port from 1 to 65535"))?,
                )
            }
            (None, Some(url), _) => Probe::Http(self.text(url)?.trim().to_owned()),
            (None, None, command) => Probe::Command(self.optional(command.as_ref())?.unwrap_or_default()),
        };
        let milliseconds = |seconds: u32| seconds.saturating_mul(1000);
        Ok(plan::Wait {
            probe,
            every_ms: milliseconds(wait.every_s),
            at_most_ms: milliseconds(wait.at_most_s),
        })
    }
}

const PATH: &str = "an absolute path without `..`";
const ACCOUNT: &str = "the name of an account";

fn wrong(path: &str, found: &str, expected: &'static str) -> Refusal {
    let found = found.chars().take(60).collect();
    Refusal::Rendered { place: path.to_owned(), found, expected }
}

fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= TEXT_CHARACTERS
        && !text.chars().any(char::is_control)
        && !text.split('/').any(|part| part == "..")
        && text.trim_end_matches('/').len() > 1
}

fn is_account(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.len() <= 32 && !text.starts_with(['-', '.']) && text.chars().all(plain)
}

fn is_package(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | ':');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= 128 && text.chars().all(plain)
}

fn is_version(text: &str) -> bool {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | ':' | '~' | '*' | '^');
    !text.is_empty() && text.len() <= 128 && !text.starts_with('-') && text.chars().all(plain)
}

fn is_unit(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':');
    text.len() <= 128 && !text.starts_with(['-', '.']) && text.chars().all(plain)
}

fn is_uri(text: &str) -> bool {
    let known = ["https://", "http://", "file:///"].iter().any(|scheme| text.starts_with(scheme));
    known && text.len() <= 2048 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_cannot_be_an_option_or_another_place() {
        for bad in ["relative", "/a/../etc/passwd", "/", "/a\nb", ""] {
            assert!(!is_path(bad), "{bad:?}");
        }
        for bad in ["-oAPT::x", "", "a b", "a;b", "../x"] {
            assert!(!is_package(bad) && !is_unit(&format!("-{bad}")), "{bad:?}");
        }
        assert!(is_path("/etc/chrony/chrony.conf") && is_package("g++-12:amd64") && is_unit("getty@tty1"));
        assert!(!is_version("-x") && is_version("5:24.0.7-1~debian.12"));
        assert!(!is_uri("ftp://x") && is_uri("https://mirror.example/debian"));
    }
}
