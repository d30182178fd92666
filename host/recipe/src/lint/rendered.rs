//! What is found in scripts as hosts would get them.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use skywright_recipe_format::plan::{Script, Value, Work};

use super::{Remarks, Severity};
use crate::preview::Preview;

/// A rendered script, and where it comes from.
pub(super) struct Rendered {
    /// The keys that lead to it in recipe.yaml.
    pub(super) path: String,
    /// What reads it.
    pub(super) interpreter: String,
    /// Its text.
    pub(super) text: String,
}

/// A pattern that no script should have.
struct Rule {
    name: &'static str,
    severity: Severity,
    pattern: &'static str,
    message: &'static str,
}

const RULES: [Rule; 5] = [
    Rule {
        name: "pipe-to-shell",
        severity: Severity::Error,
        pattern: r"(curl|wget)\b[^\n;]*\|\s*(sudo\s+(-\S+\s+)*)?(/\S*/)?(ba|da|z|k)?sh\b",
        message: "what is downloaded is run unseen: fetch it, hold it against a checksum, then run it",
    },
    Rule {
        name: "pipe-to-shell",
        severity: Severity::Error,
        pattern: r#"(sh\s+-c\s+["']?\$\(|<\(|eval\s+["']?\$\()\s*(curl|wget)\b"#,
        message: "what is downloaded is run unseen: fetch it, hold it against a checksum, then run it",
    },
    Rule {
        name: "latest",
        severity: Severity::Error,
        pattern: r"(:latest\b|@latest\b|/latest/|/latest\b|==?latest\b)",
        message: "`latest` is another thing tomorrow: name a version, as a parameter",
    },
    Rule {
        name: "package-manager",
        severity: Severity::Warning,
        pattern: r"(?m)^\s*(sudo\s+)?([A-Z_]+=\S+\s+)*(apt-get|apt|dnf|yum)\s+(-\S+\s+)*(install|remove|purge|upgrade)\b",
        message: "a `packages` step does this for every system, waits for locks, and can be undone",
    },
    Rule {
        name: "insecure-download",
        severity: Severity::Error,
        pattern: r"(curl\b[^\n]*\s(-k|--insecure)\b|wget\b[^\n]*--no-check-certificate|--allow-unauthenticated|--nogpgcheck|trusted=yes)",
        message: "nothing proves where this comes from",
    },
];

/// Reads every script of the previews, and returns each text once.
pub(super) fn read(remarks: &mut Remarks<'_>, previews: &[Preview]) -> Vec<Rendered> {
    let rules: Vec<(Rule, Regex)> = RULES
        .into_iter()
        .filter_map(|rule| Regex::new(rule.pattern).ok().map(|pattern| (rule, pattern)))
        .collect();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let mut scripts = Vec::new();
    let paths = paths(remarks);
    for preview in previews {
        for step in preview.rounds.iter().flatten() {
            let key = (preview.action.name(), step.id.clone());
            let Some(path) = paths.get(&key) else { continue };
            for assignment in &step.assignments {
                let works = [("do", Some(&assignment.work)), ("undo", assignment.undo.as_ref())];
                for (word, work) in works {
                    let Some(Work::Script(script)) = work else { continue };
                    let path = format!("{path}.{word}.script");
                    if seen.insert((path.clone(), script.text.clone())) {
                        look(remarks, &rules, &path, script);
                        scripts.push(Rendered {
                            path,
                            interpreter: script.interpreter.clone(),
                            text: script.text.clone(),
                        });
                    }
                }
            }
        }
    }
    scripts
}

/// Where each step of each action is written.
fn paths(remarks: &Remarks<'_>) -> BTreeMap<(&'static str, String), String> {
    let recipe = &remarks.source.bundle.recipe;
    let mut paths = BTreeMap::new();
    for action in skywright_recipe_format::plan::Action::ALL {
        let Some(own) = recipe.own_action(action) else { continue };
        let written = own.same_as.unwrap_or(action);
        for (index, step) in recipe.action(action).iter().flat_map(|action| action.steps.iter().enumerate()) {
            paths.insert((action.name(), step.id.clone()), format!("{}.steps[{index}]", written.name()));
        }
    }
    paths
}

fn look(remarks: &mut Remarks<'_>, rules: &[(Rule, Regex)], path: &str, script: &Script) {
    // A long line that goes on in the next one is one.
    let text = without_comments(&script.text).replace("\\\n", " ");
    for (rule, pattern) in rules {
        if let Some(found) = pattern.find(&text) {
            let line: String = found.as_str().trim().chars().take(80).collect();
            remarks.at(rule.severity, rule.name, path, format!("{}: `{line}`", rule.message));
        }
    }
    let download = Regex::new(r"(?m)^[^\n]*\b(curl|wget)\b[^\n]*https?://[^\n]*").ok();
    let is_checked = ["sha256sum", "sha512sum", "gpg --verify", "gpgv", "cosign verify"]
        .iter()
        .any(|word| text.contains(word));
    if let Some(found) = download.as_ref().and_then(|pattern| pattern.find(&text))
        && !is_checked
        && !is_local(found.as_str())
    {
        let line: String = found.as_str().trim().chars().take(80).collect();
        let message =
            format!("nothing checks what is downloaded: compare it with `sha256sum --check`: `{line}`");
        remarks.at(Severity::Error, "unpinned-download", path, message);
    }
    for binding in &script.environment {
        if !matches!(binding.value, Value::Plain(_)) {
            secret_argument(remarks, path, &text, &binding.name);
        }
    }
}

/// A secret on a command line, which every account of the host can read while it runs. A test such as
/// `[ -n "$SECRET" ]` is the shell's own and starts no program.
fn secret_argument(remarks: &mut Remarks<'_>, path: &str, text: &str, name: &str) {
    let pattern = format!(r#"(?m)(\S*)\s+--?[A-Za-z][\w-]*[ =]["']?\$\{{?{name}\b"#);
    let Ok(pattern) = Regex::new(&pattern) else { return };
    let is_test = |word: &str| matches!(word.trim_start_matches(['(', '{', ';']), "[" | "[[" | "test" | "!");
    if pattern.captures_iter(text).any(|found| found.get(1).is_none_or(|word| !is_test(word.as_str()))) {
        let message = format!(
            "`{name}` stands on a command line, where every account can read it: use standard input or a file"
        );
        remarks.at(Severity::Warning, "secret-argument", path, message);
    }
}

/// Whether a download is from the host itself.
fn is_local(line: &str) -> bool {
    ["://127.", "://localhost", "://[::1]"].iter().any(|place| line.contains(place))
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| if line.trim_start().starts_with('#') { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
