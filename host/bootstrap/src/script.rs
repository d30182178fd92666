//! The parts of the script, and how they are put together.

/// What a part of the script is there for only under circumstances.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Circumstances {
    /// The host leads others out.
    pub(crate) gateway: bool,
    /// SSH listens elsewhere than on port 22.
    pub(crate) port: bool,
    /// Name servers are given.
    pub(crate) name_servers: bool,
}

impl Circumstances {
    /// Whether lines between `#if NAME` and `#end` stay. A name that is none leaves them out; a test looks for such.
    fn has(self, name: &str) -> bool {
        match name {
            "gateway" => self.gateway,
            "port" => self.port,
            "name-servers" => self.name_servers,
            _ => false,
        }
    }
}

/// In the order of their steps.
const PARTS: [&str; 12] = [
    include_str!("../scripts/run.sh"),
    include_str!("../scripts/system.sh"),
    include_str!("../scripts/name.sh"),
    include_str!("../scripts/operator.sh"),
    include_str!("../scripts/sshd.sh"),
    include_str!("../scripts/clock.sh"),
    include_str!("../scripts/name_servers.sh"),
    include_str!("../scripts/firewall.sh"),
    include_str!("../scripts/gateway.sh"),
    include_str!("../scripts/host_keys.sh"),
    include_str!("../scripts/end.sh"),
    include_str!("../scripts/steps.sh"),
];

/// Files that a part writes down on the host, by the line that stands for them.
const FILES: [(&str, &str); 3] = [
    ("@BOOTSTRAP_UNIT@", include_str!("../scripts/skywright-bootstrap.service")),
    ("@FIREWALL_TOOL@", include_str!("../scripts/skywright-firewall.sh")),
    ("@FIREWALL_UNIT@", include_str!("../scripts/skywright-firewall.service")),
];

/// The body of the script, without its values: no comment and no indentation, for clouds take little.
pub(crate) fn body(circumstances: Circumstances) -> String {
    let mut out = String::new();
    for part in PARTS {
        append(&mut out, part, circumstances);
    }
    out
}

fn append(out: &mut String, text: &str, circumstances: Circumstances) {
    let mut left_out = false;
    for line in text.lines().map(str::trim_start) {
        if let Some(name) = line.strip_prefix("#if ") {
            left_out = !circumstances.has(name);
        } else if line == "#end" {
            left_out = false;
        } else if left_out || line.is_empty() || is_comment(line) {
        } else if let Some((_, file)) = FILES.iter().find(|(mark, _)| *mark == line) {
            append(out, file, circumstances);
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
}

/// A comment for who reads the parts. `#!` is none.
fn is_comment(line: &str) -> bool {
    line.starts_with("# ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_circumstance_has_a_name_and_an_end() {
        let all = Circumstances { gateway: true, port: true, name_servers: true };
        for text in PARTS.into_iter().chain(FILES.map(|(_, file)| file)) {
            let mut within = false;
            for line in text.lines().map(str::trim_start) {
                if let Some(name) = line.strip_prefix("#if ") {
                    assert!(all.has(name) && !within, "{line}");
                    within = true;
                } else if line == "#end" {
                    assert!(within);
                    within = false;
                }
            }
            assert!(!within);
        }
    }

    #[test]
    fn every_file_is_put_in() {
        let body = body(Circumstances::default());
        for (mark, _) in FILES {
            assert!(PARTS.iter().any(|part| part.contains(mark)) && !body.contains(mark), "{mark}");
        }
        assert!(body.contains("\n#!/bin/bash\n"), "the firewall's tool has lost its interpreter");
    }

    #[test]
    fn what_is_not_needed_is_left_out() {
        let plain = body(Circumstances::default());
        for word in ["masquerade", "ip_forward", "semanage", "resolved"] {
            assert!(!plain.contains(word), "{word}");
        }
        let all = body(Circumstances { gateway: true, port: true, name_servers: true });
        for word in ["masquerade", "ip_forward", "semanage", "resolved"] {
            assert!(all.contains(word), "{word}");
        }
    }
}
