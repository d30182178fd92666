//! The line that says which process a command is.

/// What the line begins with; the process id follows.
pub(crate) const MARKER: &str = "__skywright_process ";

/// Takes the line out of a command's standard error: the shell may print lines of its own before it.
#[derive(Default)]
pub(crate) struct MarkerFilter {
    process: Option<u32>,
    /// A line that is not complete yet. Empty once the line was found.
    partial: Vec<u8>,
}

impl MarkerFilter {
    /// What of it is the command's own, as far as that is known now.
    pub(crate) fn push(&mut self, data: &[u8]) -> Vec<u8> {
        if self.process.is_some() {
            return data.to_vec();
        }
        self.partial.extend_from_slice(data);
        let mut passed = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let rest = self.partial.split_off(end + 1);
            let line = std::mem::replace(&mut self.partial, rest);
            self.process = process_in(&line);
            if self.process.is_some() {
                passed.append(&mut self.partial);
                break;
            }
            passed.extend(line);
        }
        passed
    }

    /// What was held back, when no more will come.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    /// The process, once it is known. It leads its process group.
    pub(crate) fn process(&self) -> Option<u32> {
        self.process
    }
}

fn process_in(line: &[u8]) -> Option<u32> {
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix(MARKER)?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn only_the_line_is_taken(
            before in proptest::collection::vec("[a-z _]{0,9}", 0..3), after in "[a-z\n]{0,30}", piece in 1usize..20,
        ) {
            let before: String = before.iter().map(|line| format!("{line}\n")).collect();
            let all = format!("{before}{MARKER}4711\n{after}");
            let mut filter = MarkerFilter::default();
            let mut passed = Vec::new();
            for piece in all.as_bytes().chunks(piece) {
                passed.extend(filter.push(piece));
            }
            passed.extend(filter.rest());
            assert_eq!(String::from_utf8(passed).unwrap(), format!("{before}{after}"));
            assert_eq!(filter.process(), Some(4711));
        }

        #[test]
        fn nothing_is_lost_without_it(data in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            let mut filter = MarkerFilter::default();
            let mut passed = filter.push(&data);
            passed.extend(filter.rest());
            assert_eq!(passed, data);
        }
    }
}
