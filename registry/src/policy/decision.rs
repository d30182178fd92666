//! What the policy says of one plugin.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use semver::Version;
use serde::Serialize;
use skywright_contract::{Capability, Digest, PluginId};

use super::{Denied, KeyChange, NamespaceRules, Permission, Policy, Require};
use crate::tuf::KeyId;

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is to be pinned. Changes to what was pinned before may need a yes.
    Install,
    /// What was pinned is to be run. Nobody is asked.
    Load,
}

/// A repository that names the plugin, with what its metadata says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The repository, as `repo list` names it.
    pub repository: String,
    /// In bytes.
    pub length: u64,
    /// Of the component.
    pub sha256: Digest,
    /// The keys that answer for the namespace.
    pub owner_keys: BTreeSet<KeyId>,
    /// The keys that signed the role which lists the plugin.
    pub signer_keys: BTreeSet<KeyId>,
    /// How long ago the metadata was seen fresh; `None` if nobody knows.
    pub seen_fresh_ago: Option<Duration>,
}

/// Where the bytes are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A repository; one of the two at least.
    Repository {
        /// The publisher's.
        upstream: Option<&'a Attestation>,
        /// The site's own.
        site: Option<&'a Attestation>,
    },
    /// A file without a signature, in a folder that `plugin dev` registered.
    Development {
        /// The folder.
        folder: &'a Path,
    },
    /// Another file without a signature.
    Unsigned {
        /// Whether `--allow-unsigned` was said.
        allowed: bool,
        /// The file.
        file: &'a Path,
    },
}

/// What is pinned now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before<'a> {
    /// Its version.
    pub version: &'a Version,
    /// The keys that answered for its namespace.
    pub owner_keys: &'a BTreeSet<KeyId>,
    /// What it asks of the host.
    pub capabilities: &'a BTreeSet<Capability>,
}

/// All that a decision depends on, beside the policy.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// What is about to be done.
    pub stage: Stage,
    /// The plugin.
    pub id: &'a PluginId,
    /// Its version.
    pub version: &'a Version,
    /// Of the bytes themselves.
    pub sha256: Digest,
    /// What it asks of the host.
    pub capabilities: &'a BTreeSet<Capability>,
    /// Where it is from.
    pub origin: Origin<'a>,
    /// What is pinned now.
    pub before: Option<Before<'a>>,
    /// Why its registry revoked it, if it did.
    pub revoked: Option<&'a str>,
    /// Why its publisher took it back, if it did.
    pub yanked: Option<&'a str>,
}

/// Why something is denied, or needs a yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The rule, such as `namespace.acme.require`.
    pub rule: String,
    /// What it met. Parts of it may be foreign text.
    pub message: String,
    /// What would change it.
    pub remedy: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.rule)
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "decision", content = "reasons")]
pub enum Decision {
    /// It may.
    Allow,
    /// It may if somebody says yes to these.
    NeedsYes(Vec<Reason>),
    /// It may not.
    Deny(Vec<Reason>),
}

impl Policy {
    /// What the policy says of a plugin. Every rule that is against it is named, not the first alone.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let mut findings = Findings::default();
        if let Some(reason) = facts.revoked {
            findings.deny(
                "revocation",
                format!("its registry revoked it: {reason}"),
                "`skywright plugin update` takes a version that is not revoked",
            );
        }
        self.denied(facts, &mut findings);
        match &facts.origin {
            Origin::Repository { upstream, site } => {
                match self.rules(facts.id.namespace()) {
                    Some(rules) => signed(&rules, facts, *upstream, *site, &mut findings),
                    None => findings.deny(
                        "namespace",
                        format!("trust.toml does not name the namespace `{}`", facts.id.namespace()),
                        &format!("add [namespace.{}] to trust.toml", facts.id.namespace()),
                    ),
                }
                changed(facts, &mut findings);
            }
            Origin::Development { .. } => self.unsigned(&mut findings),
            Origin::Unsigned { allowed: true, .. } => self.unsigned(&mut findings),
            Origin::Unsigned { allowed: false, file } => findings.deny(
                "unsigned",
                format!("no repository signed {}", file.display()),
                "install it from a repository; for a plugin of your own, `skywright plugin dev DIR` or --allow-unsigned",
            ),
        }
        findings.decision()
    }

    fn denied(&self, facts: &Facts<'_>, findings: &mut Findings) {
        for (number, deny) in self.denied.iter().enumerate() {
            let what = match &deny.what {
                Denied::Digest(digest) if *digest == facts.sha256 => format!("the digest {digest}"),
                Denied::Plugin(id, versions) if id == facts.id && matches(versions, facts.version) => {
                    format!("{id} {versions}")
                }
                Denied::Key(key) if facts.keys().any(|found| found == key) => format!("the key {key}"),
                _ => continue,
            };
            let reason = deny.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            let rule = format!("deny[{number}]");
            findings.deny(
                &rule,
                format!("trust.toml denies {what}{reason}"),
                "take the entry out of trust.toml",
            );
        }
    }

    fn unsigned(&self, findings: &mut Findings) {
        if self.unsigned == Permission::Deny {
            findings.deny(
                "unsigned",
                "trust.toml lets no unsigned plugin run".to_owned(),
                "`skywright plugin publish` signs it; or set unsigned = \"allow\" in trust.toml",
            );
        }
    }
}

impl Facts<'_> {
    fn keys(&self) -> impl Iterator<Item = &KeyId> {
        let (upstream, site) = match self.origin {
            Origin::Repository { upstream, site } => (upstream, site),
            _ => (None, None),
        };
        upstream.into_iter().chain(site).flat_map(|it| it.owner_keys.iter().chain(&it.signer_keys))
    }
}

/// A pre-release is denied with the release that it comes before: `<1.2.3` is meant to reach `1.2.3-rc.1`.
fn matches(versions: &semver::VersionReq, version: &Version) -> bool {
    let release = Version { pre: semver::Prerelease::EMPTY, ..version.clone() };
    versions.matches(version)
        || versions.matches(&release)
        || (!version.pre.is_empty() && before(versions, version))
}

/// Whether each comparator holds by plain order, which `VersionReq` does not use for pre-releases.
fn before(versions: &semver::VersionReq, version: &Version) -> bool {
    versions.comparators.iter().all(|comparator| {
        let bound = Version {
            major: comparator.major,
            minor: comparator.minor.unwrap_or(0),
            patch: comparator.patch.unwrap_or(0),
            pre: comparator.pre.clone(),
            build: semver::BuildMetadata::EMPTY,
        };
        match comparator.op {
            semver::Op::Less => *version < bound,
            semver::Op::LessEq => *version <= bound,
            semver::Op::Greater => *version > bound,
            semver::Op::GreaterEq => *version >= bound,
            _ => false,
        }
    })
}

/// What a namespace's rules say of a plugin that repositories name.
fn signed(
    rules: &NamespaceRules,
    facts: &Facts<'_>,
    upstream: Option<&Attestation>,
    site: Option<&Attestation>,
    findings: &mut Findings,
) {
    let namespace = facts.id.namespace();
    let rule = |key: &str| format!("namespace.{namespace}.{key}");
    required(rules, facts, upstream, site, findings);
    if let (Some(upstream), Some(repositories)) = (upstream, &rules.repositories)
        && !repositories.contains(&upstream.repository)
    {
        findings.deny(
            &rule("repositories"),
            format!("the repository `{}` may not provide `{namespace}`", upstream.repository),
            &format!(
                "add \"{}\" to `repositories` of [namespace.{namespace}] in trust.toml",
                upstream.repository
            ),
        );
    }
    owned(rules, facts, upstream, findings);
    for attestation in upstream.into_iter().chain(site) {
        stale(rules, attestation, &rule("max_staleness"), findings);
    }
    if let Some(most) = &rules.capabilities {
        let beyond = names(facts.capabilities.difference(most));
        if !beyond.is_empty() {
            findings.deny(
                &rule("capabilities"),
                format!("it asks for {beyond}, which plugins of `{namespace}` may not have"),
                &format!("add to `capabilities` of [namespace.{namespace}] in trust.toml"),
            );
        }
    }
    if let Some(attestation) = upstream.or(site) {
        same_keys(rules, facts, attestation, findings);
    }
}

/// Whether only those answer for it who may.
fn owned(rules: &NamespaceRules, facts: &Facts<'_>, upstream: Option<&Attestation>, findings: &mut Findings) {
    let namespace = facts.id.namespace();
    let rule = format!("namespace.{namespace}.owner_keys");
    let (Some(upstream), Some(keys)) = (upstream, &rules.owner_keys) else { return };
    if upstream.owner_keys.is_empty() {
        findings.deny(
            &rule,
            format!("`{}` names no key that answers for `{namespace}`", upstream.repository),
            "ask whoever runs the repository",
        );
    }
    for key in upstream.owner_keys.difference(keys) {
        findings.deny(
            &rule,
            format!("the key {key} may not answer for `{namespace}`"),
            &format!("if it is its owner's, add it to `owner_keys` of [namespace.{namespace}] in trust.toml"),
        );
    }
}

/// Whether the same keys answer for it as when it was installed.
fn same_keys(rules: &NamespaceRules, facts: &Facts<'_>, now: &Attestation, findings: &mut Findings) {
    if facts.before.as_ref().is_none_or(|before| now.owner_keys == *before.owner_keys) {
        return;
    }
    let namespace = facts.id.namespace();
    let rule = format!("namespace.{namespace}.key_change");
    let message = format!("the keys that answer for `{namespace}` are others than when it was installed");
    match rules.key_change.unwrap_or_default() {
        KeyChange::Deny => findings.deny(
            &rule,
            message,
            "ask the publisher; then set key_change = \"prompt\" in trust.toml for the update",
        ),
        // At a load nobody is asked, and the bytes are still those that somebody said yes to.
        KeyChange::Prompt if facts.stage == Stage::Load => {}
        KeyChange::Prompt => {
            findings.ask(&rule, message, "ask the publisher whether it changed its keys, then --yes");
        }
    }
}

/// Whether those name it that have to, and as what it is.
fn required(
    rules: &NamespaceRules,
    facts: &Facts<'_>,
    upstream: Option<&Attestation>,
    site: Option<&Attestation>,
    findings: &mut Findings,
) {
    let rule = format!("namespace.{}.require", facts.id.namespace());
    let require = rules.require.unwrap_or_default();
    let is_named = [(upstream, Require::Upstream), (site, Require::Site)];
    for (attestation, kind) in is_named {
        let wanted = require == kind || require == Require::Both;
        match attestation {
            None if wanted && kind == Require::Site => findings.deny(
                &rule,
                "the site's own repository does not list it".to_owned(),
                "`skywright bundle vet` lists it, once it was looked at",
            ),
            None if wanted => findings.deny(
                &rule,
                "no repository of a publisher lists it".to_owned(),
                "`skywright repo add` adds the publisher's repository",
            ),
            Some(found) if found.sha256 != facts.sha256 => findings.deny(
                "digest",
                format!("the repository `{}` lists other bytes as this version", found.repository),
                "do not use it; ask whoever runs the repository",
            ),
            _ => {}
        }
    }
    if let (Some(upstream), Some(site)) = (upstream, site)
        && (upstream.sha256, upstream.length) != (site.sha256, site.length)
    {
        findings.deny(
            &rule,
            format!(
                "`{}` and `{}` disagree about its length or digest",
                upstream.repository, site.repository
            ),
            "what was vetted is not what is published: vet it again",
        );
    }
}

fn stale(rules: &NamespaceRules, attestation: &Attestation, rule: &str, findings: &mut Findings) {
    let Some(most) = rules.max_staleness else { return };
    let repository = &attestation.repository;
    let remedy = format!("`skywright repo update {repository}`, or load a newer bundle");
    match attestation.seen_fresh_ago {
        Some(ago) if ago <= most.duration() => {}
        Some(ago) => findings.deny(
            rule,
            format!(
                "`{repository}` was last seen fresh {} days ago, and {most} is the most",
                ago.as_secs() / 86_400
            ),
            &remedy,
        ),
        None => findings.deny(rule, format!("nobody knows when `{repository}` was last seen fresh"), &remedy),
    }
}

/// What is different from what is pinned, and what its publisher took back.
fn changed(facts: &Facts<'_>, findings: &mut Findings) {
    if facts.stage == Stage::Load {
        return;
    }
    if let Some(reason) = facts.yanked {
        findings.ask(
            "yanked",
            format!("its publisher took it back: {reason}"),
            "choose another version, or --yes",
        );
    }
    if let Some(before) = &facts.before {
        let more = names(facts.capabilities.difference(before.capabilities));
        if !more.is_empty() {
            findings.ask(
                "capabilities",
                format!("it asks for {more}, which {} did not", before.version),
                "look at `skywright plugin explain`, then --yes",
            );
        }
    }
}

fn names<'a>(capabilities: impl Iterator<Item = &'a Capability>) -> String {
    capabilities.map(|capability| format!("`{capability}`")).collect::<Vec<_>>().join(", ")
}

/// What was found so far.
#[derive(Default)]
struct Findings {
    against: Vec<Reason>,
    to_ask: Vec<Reason>,
}

impl Findings {
    fn deny(&mut self, rule: &str, message: String, remedy: &str) {
        self.against.push(Reason { rule: rule.to_owned(), message, remedy: remedy.to_owned() });
    }

    fn ask(&mut self, rule: &str, message: String, remedy: &str) {
        self.to_ask.push(Reason { rule: rule.to_owned(), message, remedy: remedy.to_owned() });
    }

    fn decision(self) -> Decision {
        match (self.against.is_empty(), self.to_ask.is_empty()) {
            (true, true) => Decision::Allow,
            (true, false) => Decision::NeedsYes(self.to_ask),
            (false, _) => Decision::Deny(self.against),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::Deny;
    use super::*;

    fn key(byte: u8) -> KeyId {
        format!("{byte:02x}").repeat(32).parse().unwrap()
    }

    fn attestation(repository: &str) -> Attestation {
        Attestation {
            repository: repository.to_owned(),
            length: 7,
            sha256: Digest::of(b"plugin"),
            owner_keys: [key(1)].into(),
            signer_keys: [key(2)].into(),
            seen_fresh_ago: Some(Duration::from_secs(3 * 86_400)),
        }
    }

    /// What most tests are about.
    static PLUGIN: LazyLock<(PluginId, Version, BTreeSet<Capability>, Attestation)> = LazyLock::new(|| {
        let (id, version) = ("acme/cloud".parse().unwrap(), "1.2.0".parse().unwrap());
        (id, version, [Capability::Http].into(), attestation("main"))
    });

    /// The rules that are against it, or `ask:` those that need a yes.
    fn rules<'a>(policy: &str, change: impl FnOnce(&mut Facts<'a>)) -> Vec<String> {
        let policy = match policy {
            "" => Policy::default(),
            text => Policy::parse(Path::new("t"), format!("version = 1\n{text}").as_bytes()).unwrap(),
        };
        let (id, version, capabilities, upstream) = &*PLUGIN;
        let mut facts = Facts {
            stage: Stage::Install,
            id,
            version,
            sha256: Digest::of(b"plugin"),
            capabilities,
            origin: Origin::Repository { upstream: Some(upstream), site: None },
            before: None,
            revoked: None,
            yanked: None,
        };
        change(&mut facts);
        match policy.decide(&facts) {
            Decision::Allow => Vec::new(),
            Decision::NeedsYes(reasons) => reasons.into_iter().map(|it| format!("ask:{}", it.rule)).collect(),
            Decision::Deny(reasons) => reasons.into_iter().map(|it| it.rule).collect(),
        }
    }

    #[test]
    fn a_signed_plugin_is_allowed_and_an_unknown_namespace_only_without_a_file() {
        assert!(rules("", |_| {}).is_empty());
        assert!(rules("[namespace.acme]", |_| {}).is_empty());
        assert!(rules("[namespace.\"*\"]", |_| {}).is_empty());
        assert_eq!(rules("[namespace.globex]", |_| {}), ["namespace"]);
    }

    #[test]
    fn repositories_owners_capabilities_and_age_are_held_against_the_rules() {
        let acme = |rule: &str| format!("[namespace.acme]\n{rule}");
        assert_eq!(rules(&acme("repositories = [\"other\"]"), |_| {}), ["namespace.acme.repositories"]);
        assert!(rules(&acme("repositories = [\"main\"]"), |_| {}).is_empty());
        assert_eq!(
            rules(&acme(&format!("owner_keys = [\"{}\"]", key(9))), |_| {}),
            ["namespace.acme.owner_keys"]
        );
        assert!(rules(&acme(&format!("owner_keys = [\"{}\"]", key(1))), |_| {}).is_empty());
        assert_eq!(rules(&acme("capabilities = [\"log\"]"), |_| {}), ["namespace.acme.capabilities"]);
        assert_eq!(rules(&acme("max_staleness = \"2d\""), |_| {}), ["namespace.acme.max_staleness"]);
        assert!(rules(&acme("max_staleness = \"4d\""), |_| {}).is_empty());
        let mut unknown = attestation("main");
        unknown.seen_fresh_ago = None;
        let origin = Origin::Repository { upstream: Some(&unknown), site: None };
        assert_eq!(
            rules(&acme("max_staleness = \"4d\""), |facts| facts.origin = origin),
            ["namespace.acme.max_staleness"]
        );
    }

    #[test]
    fn those_name_it_that_have_to_and_all_as_the_same() {
        let site = attestation("site");
        let mut other = attestation("site");
        other.sha256 = Digest::of(b"other");
        let main = attestation("main");
        let both = || Origin::Repository { upstream: Some(&main), site: Some(&site) };
        let site_alone = || Origin::Repository { upstream: None, site: Some(&site) };
        let differ = || Origin::Repository { upstream: Some(&main), site: Some(&other) };
        let require = |word: &str| format!("[namespace.acme]\nrequire = \"{word}\"");
        for (word, origin, against) in [
            ("upstream", both(), &[][..]),
            ("upstream", site_alone(), &["namespace.acme.require"]),
            ("site", site_alone(), &[]),
            ("site", both(), &[]),
            ("both", both(), &[]),
            ("both", site_alone(), &["namespace.acme.require"]),
            ("both", differ(), &["digest", "namespace.acme.require"]),
            ("upstream", differ(), &["digest", "namespace.acme.require"]),
        ] {
            assert_eq!(rules(&require(word), |facts| facts.origin = origin), against, "{word}");
        }
        assert_eq!(rules(&require("site"), |_| {}), ["namespace.acme.require"]);
    }

    #[test]
    fn what_changed_needs_a_yes_or_is_denied() {
        let (version, others) = ("1.1.0".parse().unwrap(), BTreeSet::from([key(8)]));
        let (same, none) = (BTreeSet::from([key(1)]), BTreeSet::new());
        let http = BTreeSet::from([Capability::Http]);
        let before = |owner_keys, capabilities| Some(Before { version: &version, owner_keys, capabilities });
        assert!(rules("", |facts| facts.before = before(&same, &http)).is_empty());
        assert_eq!(rules("", |facts| facts.before = before(&same, &none)), ["ask:capabilities"]);
        assert_eq!(
            rules("", |facts| facts.before = before(&others, &http)),
            ["ask:namespace.acme.key_change"]
        );
        let deny = "[namespace.acme]\nkey_change = \"deny\"";
        assert_eq!(rules(deny, |facts| facts.before = before(&others, &none)), ["namespace.acme.key_change"]);
        let load = |facts: &mut Facts<'_>| facts.stage = Stage::Load;
        let at_load = |policy: &str| {
            rules(policy, |facts| {
                load(facts);
                facts.before = before(&others, &none);
            })
        };
        assert!(at_load("").is_empty());
        assert_eq!(at_load(deny), ["namespace.acme.key_change"]);
        assert_eq!(rules("", |facts| facts.yanked = Some("broken")), ["ask:yanked"]);
        let load = |facts: &mut Facts<'_>| (facts.stage, facts.yanked) = (Stage::Load, Some("broken"));
        assert!(rules("", load).is_empty());
    }

    #[test]
    fn what_is_denied_or_revoked_is_denied_at_every_stage() {
        let digest = Digest::of(b"plugin").hex();
        for entry in [
            format!("sha256 = \"{digest}\""),
            "plugin = \"acme/cloud\"".to_owned(),
            "plugin = \"acme/cloud\"\nversions = \"<1.3\"".to_owned(),
            format!("key = \"{}\"", key(1)),
            format!("key = \"{}\"", key(2)),
        ] {
            let policy = format!("[namespace.\"*\"]\n[[deny]]\n{entry}\nreason = \"it leaks\"");
            assert_eq!(rules(&policy, |facts| facts.stage = Stage::Load), ["deny[0]"], "{entry}");
        }
        let other = "[namespace.\"*\"]\n[[deny]]\nplugin = \"acme/cloud\"\nversions = \">1.2.0\"";
        assert!(rules(other, |_| {}).is_empty());
        assert_eq!(rules("", |facts| facts.revoked = Some("malicious")), ["revocation"]);
    }

    #[test]
    fn pre_releases_are_denied_with_what_they_lead_to() {
        for (range, version, denied) in [
            ("<1.2.3", "1.2.3-rc.1", true),
            ("<1.2.3", "1.2.3", false),
            ("=1.2.3", "1.2.3-rc.1", true),
            (">=1.0.0, <2.0.0", "1.5.0-beta", true),
            (">=1.0.0, <2.0.0", "2.0.0-beta", true),
            (">=1.0.0, <2.0.0", "2.0.1-beta", false),
            ("*", "0.1.0-alpha", true),
        ] {
            let found = matches(&range.parse().unwrap(), &version.parse().unwrap());
            assert_eq!(found, denied, "{range} {version}");
        }
    }

    #[test]
    fn unsigned_plugins_run_only_where_somebody_said_so() {
        let (folder, file) = (Path::new("/dev"), Path::new("/x.wasm"));
        let development = Origin::Development { folder };
        let with_flag = Origin::Unsigned { allowed: true, file };
        assert!(rules("", |facts| facts.origin = development.clone()).is_empty());
        assert!(rules("", |facts| facts.origin = with_flag.clone()).is_empty());
        assert_eq!(rules("", |facts| facts.origin = Origin::Unsigned { allowed: false, file }), ["unsigned"]);
        for origin in [development, with_flag] {
            assert_eq!(rules("unsigned = \"deny\"", |facts| facts.origin = origin), ["unsigned"]);
        }
    }

    #[test]
    fn every_reason_says_what_would_change_it() {
        let policy = Policy {
            unsigned: Permission::Deny,
            denied: vec![Deny { what: Denied::Key(key(1)), reason: None }],
            ..Policy::parse(Path::new("t"), b"version = 1").unwrap()
        };
        let main = attestation("main");
        let facts = Facts {
            stage: Stage::Install,
            id: &"acme/cloud".parse().unwrap(),
            version: &"1.2.0".parse().unwrap(),
            sha256: Digest::of(b"other"),
            capabilities: &BTreeSet::new(),
            origin: Origin::Repository { upstream: Some(&main), site: None },
            before: None,
            revoked: Some("malicious"),
            yanked: None,
        };
        let Decision::Deny(reasons) = policy.decide(&facts) else { panic!() };
        assert_eq!(reasons.len(), 3);
        assert!(reasons.iter().all(|reason| !reason.remedy.is_empty() && !reason.message.is_empty()));
    }
}
