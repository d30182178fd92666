//! Values in a shell script.

/// As one word of a POSIX shell, whatever is in it but NUL.
pub(crate) fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Many values at once, because each case starts a shell.
        #[test]
        fn bash_reads_what_was_written(values in prop::collection::vec("[^\0]{0,20}", 1..20)) {
            let words = values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(" ");
            let output = Command::new("bash").args(["-c", &format!(r"printf '%s\0' {words}")]).output().unwrap();
            let expected = values.iter().map(|value| format!("{value}\0")).collect::<String>();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        }
    }

    #[test]
    fn what_a_shell_would_run_stays_text() {
        let hostile = "'; touch /tmp/x; $(id) `id` \\' \n\"$HOME\" !! *";
        let output =
            Command::new("bash").args(["-c", &format!("printf %s {}", quote(hostile))]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), hostile);
    }
}
