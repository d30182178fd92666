//! The function of the script that prints the host's keys, alone.

use std::process::Command;

use skywright_bootstrap::host_keys_from_console;

use crate::plain;

/// cloud-init writes the keys that it was given as they were given: without the end of a line.
#[test]
fn a_key_without_a_line_end_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
    for text in [format!("{key}\n"), key.to_owned(), format!("{key} root@web")] {
        std::fs::write(folder.path().join("ssh_host_ed25519_key.pub"), text).unwrap();
        let script = plain().render().unwrap();
        let (_, rest) = script.split_once("print_host_keys() {").unwrap();
        let (body, _) = rest.split_once("\n}\n").unwrap();
        let body = body.replace("/etc/ssh", folder.path().to_str().unwrap());
        let alone = format!(
            "set -euo pipefail\nHOST_KEYS=ed25519\ndie() {{ exit 9; }}\nto_console() {{ :; }}\n\
             print_host_keys() {{{body}\n}}\nprint_host_keys"
        );
        let output = Command::new("bash").args(["-c", &alone]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let keys = host_keys_from_console(&String::from_utf8(output.stdout).unwrap()).unwrap().unwrap();
        assert_eq!(keys.iter().map(ToString::to_string).collect::<Vec<_>>(), [key]);
    }
}
