//! What a plugin may ask of the host, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One ability that the host lends. A manifest requests them; an import needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// `skywright:host/cache`: a small cache per plugin and tenant.
    Cache,
    /// `skywright:host/clock`: the time, in whole seconds.
    Clock,
    /// `skywright:host/credentials`: signatures with credentials that stay in the host.
    Credentials,
    /// `skywright:host/http` or `wasi:http`: requests to the endpoints that a tenant grants.
    Http,
    /// `skywright:host/log`: structured log lines.
    Log,
    /// `skywright:host/machines`: hosts on this machine; lent to the plugin that it is meant for, alone.
    Machines,
    /// `skywright:host/settings`: the tenant's settings, without secrets.
    Settings,
    /// WASI 0.2 as other tool chains need it, and empty: coarse clocks, capped random, standard
    /// output to the log; no files, no sockets, no environment.
    Wasi,
}

impl Capability {
    /// Every capability, in the order of their names.
    pub const ALL: &[Self] = &[
        Self::Cache,
        Self::Clock,
        Self::Credentials,
        Self::Http,
        Self::Log,
        Self::Machines,
        Self::Settings,
        Self::Wasi,
    ];

    /// The capability's name, as manifests spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Http => "http",
            Self::Log => "log",
            Self::Machines => "machines",
            Self::Settings => "settings",
            Self::Wasi => "wasi",
        }
    }

    /// One line for people: what a plugin with this capability can do.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Cache => "keep small values between calls (1 MiB per plugin and tenant)",
            Self::Clock => "read the time, in whole seconds",
            Self::Credentials => "have the host sign with credentials that it never sees",
            Self::Http => "send HTTP requests to the endpoints that the tenant grants",
            Self::Log => "write log lines",
            Self::Machines => "make hosts on this machine: for skywright/local alone, signed",
            Self::Settings => "read the tenant's settings, without secrets",
            Self::Wasi => "coarse clocks, random numbers, standard output to the log",
        }
    }

    /// The capability that covers an import, by the import's name with or without its version.
    ///
    /// `None` for types alone ([`covers_types_only`](Self::covers_types_only)) and for whatever the
    /// host does not lend.
    #[must_use]
    pub fn of_import(import: &str) -> Option<Self> {
        let name = import.split('@').next().unwrap_or(import);
        if let Some(interface) = name.strip_prefix("skywright:host/") {
            return Self::ALL.iter().copied().find(|c| *c != Self::Wasi && c.name() == interface);
        }
        const WASI: &[&str] = &[
            "wasi:cli/environment",
            "wasi:cli/exit",
            "wasi:cli/stderr",
            "wasi:cli/stdin",
            "wasi:cli/stdout",
            "wasi:cli/terminal-input",
            "wasi:cli/terminal-output",
            "wasi:cli/terminal-stderr",
            "wasi:cli/terminal-stdin",
            "wasi:cli/terminal-stdout",
            "wasi:clocks/monotonic-clock",
            "wasi:clocks/wall-clock",
            "wasi:filesystem/preopens",
            "wasi:filesystem/types",
            "wasi:io/error",
            "wasi:io/poll",
            "wasi:io/streams",
            "wasi:random/insecure",
            "wasi:random/insecure-seed",
            "wasi:random/random",
        ];
        match name {
            "wasi:http/types" | "wasi:http/outgoing-handler" => Some(Self::Http),
            _ if WASI.contains(&name) => Some(Self::Wasi),
            _ => None,
        }
    }

    /// Whether an import carries types and no functions, so that it needs no capability.
    #[must_use]
    pub fn covers_types_only(import: &str) -> bool {
        let name = import.split('@').next().unwrap_or(import);
        name == "skywright:host/types" || name.starts_with("skywright:provider/")
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The compatibility track of an interface name: `a:b/c@0.1.4` → `a:b/c@0.1`, `@2.3.0` → `@2`.
///
/// Two names on one track are the same interface to the linker; the higher minor or patch version
/// only adds. A name without a version is its own track.
#[must_use]
pub fn interface_track(name: &str) -> String {
    let Some((base, version)) = name.split_once('@') else { return name.to_owned() };
    match semver::Version::parse(version) {
        Ok(v) if !v.pre.is_empty() => name.to_owned(),
        Ok(v) if v.major > 0 => format!("{base}@{}", v.major),
        Ok(v) if v.minor > 0 => format!("{base}@0.{}", v.minor),
        _ => name.to_owned(),
    }
}
