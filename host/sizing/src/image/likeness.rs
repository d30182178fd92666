//! How like two names are.

use std::fmt;

use serde::Serialize;

/// How much of a name is looked at, in characters. Nobody writes longer ones; a cloud might.
const LONGEST: usize = 256;

/// How like an image is to what is asked for; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likeness {
    /// The id is the same.
    Id,
    /// The name is the same, but for case and punctuation.
    Name,
    /// The name contains it, or the system and its version do.
    Contained,
    /// The name contains it but for a letter mistyped. The numbers are the same.
    Mistyped,
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "its id is asked for",
            Self::Name => "its name is asked for",
            Self::Contained => "it contains what is asked for",
            Self::Mistyped => "it contains nearly what is asked for",
        })
    }
}

/// A name without case and punctuation: its runs of letters and its runs of digits.
pub(super) struct Normal {
    /// All the runs, one after the other.
    text: String,
    /// Where the runs begin in it, and where the last ends.
    edges: Vec<usize>,
}

impl Normal {
    pub(super) fn new(name: &str) -> Self {
        let (mut text, mut edges, mut last) = (String::new(), Vec::new(), None);
        for c in name.chars().take(LONGEST).flat_map(char::to_lowercase) {
            let kind = c.is_alphanumeric().then(|| c.is_numeric());
            if let Some(kind) = kind {
                if last != Some(kind) {
                    edges.push(text.len());
                }
                text.push(c);
            }
            last = kind;
        }
        edges.push(text.len());
        Self { text, edges }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn distance(&self, other: &Self) -> usize {
        strsim::osa_distance(&self.text, &other.text)
    }

    /// How like this name is to the wanted one; `None` where it is something else.
    pub(super) fn likeness(&self, wanted: &Self) -> Option<Likeness> {
        if wanted.is_empty() {
            None
        } else if self.text == wanted.text {
            Some(Likeness::Name)
        } else if self.contains(wanted) {
            Some(Likeness::Contained)
        } else if self.nearly_contains(wanted) {
            Some(Likeness::Mistyped)
        } else {
            None
        }
    }

    /// Whether the other is whole runs of this one: `debian1` is not in `debian12`.
    pub(super) fn contains(&self, other: &Self) -> bool {
        !other.is_empty() && self.parts(other.text.len()).any(|part| part == other.text)
    }

    /// Whether the other is nearly whole runs of this one, the digits being the same: another version is
    /// another system, however small the difference.
    fn nearly_contains(&self, wanted: &Self) -> bool {
        let letters = wanted.text.chars().filter(|c| !c.is_numeric()).count();
        let tolerated = (letters / 5).min(2);
        let digits = |text: &str| text.chars().filter(|c| c.is_numeric()).collect::<String>();
        let wanted_digits = digits(&wanted.text);
        let length = wanted.text.len();
        // One letter more or less is a few bytes.
        let lengths = length.saturating_sub(4 * tolerated)..=length + 4 * tolerated;
        tolerated > 0
            && lengths.into_iter().any(|length| {
                self.parts(length).any(|part| {
                    digits(part) == wanted_digits && strsim::osa_distance(part, &wanted.text) <= tolerated
                })
            })
    }

    /// The parts of whole runs that have this many bytes.
    fn parts(&self, length: usize) -> impl Iterator<Item = &str> {
        self.edges.iter().filter_map(move |start| {
            let end = start.checked_add(length)?;
            self.edges.binary_search(&end).ok()?;
            self.text.get(*start..end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(name: &str, wanted: &str) -> Option<Likeness> {
        Normal::new(name).likeness(&Normal::new(wanted))
    }

    #[test]
    fn whole_runs_count() {
        for (name, wanted, expected) in [
            ("Ubuntu 24.04", "ubuntu-2404", Some(Likeness::Name)),
            ("Ubuntu 24.04 LTS (Noble)", "Ubuntu 24.04", Some(Likeness::Contained)),
            ("Canonical-Ubuntu-24.04-2024.05.31", "Ubuntu 24.04", Some(Likeness::Contained)),
            ("ubuntu2404-lts", "Ubuntu 24.04", Some(Likeness::Contained)),
            ("debian-12", "Debian 1", None),
            ("Ubuntu 22.04", "Ubuntu 24.04", None),
            ("Ubuntu 24.04", "Ubunut 24.04", Some(Likeness::Mistyped)),
            ("Ubuntu 24.04 LTS", "Ubuntuu 24.04", Some(Likeness::Mistyped)),
            ("Ubuntu 22.04 LTS", "Ubunut 24.04", None),
            ("Alma 9", "Elma 9", None),
            ("Ubuntu", "", None),
            ("Ubuntu", "--", None),
        ] {
            assert_eq!(likeness(name, wanted), expected, "{name}: {wanted}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_name_is_in_itself_and_in_longer_ones(name in "[A-Za-z0-9]{1,8}( [a-z0-9.]{1,8}){0,2}", after in "[a-z]{1,5}") {
            proptest::prop_assert_eq!(likeness(&name, &name), Some(Likeness::Name));
            let longer = format!("{after} {name} {after}");
            let expected = Normal::new(&longer).contains(&Normal::new(&name));
            proptest::prop_assert!(expected || name.ends_with('.'));
        }

        #[test]
        fn any_names_are_borne(a in ".{0,20}", b in ".{0,20}") {
            let _ = likeness(&a, &b);
        }
    }
}
