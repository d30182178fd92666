//! Where objects are, as the command line writes it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use skywright_core::objects::Direction;

/// `BUCKET` or `BUCKET/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    /// Behind the first `/`; empty where there is none.
    pub(crate) name: String,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (bucket, name) = text.split_once('/').unwrap_or((text, ""));
        if bucket.is_empty() {
            return Err("it begins with the name of a bucket".to_owned());
        }
        Ok(Self { bucket: bucket.to_owned(), name: name.to_owned() })
    }
}

/// The two sides of a sync, and which of them is made like the other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) direction: Direction,
    pub(crate) folder: PathBuf,
    pub(crate) place: Place,
}

impl Sides {
    /// By the looks of the two alone: what there is on the disk must not decide which side is changed.
    pub(crate) fn of(source: &str, destination: &str) -> Result<Self, &'static str> {
        let (direction, folder, place) = match (is_folder(source), is_folder(destination)) {
            (true, false) => (Direction::Upload, source, destination),
            (false, true) => (Direction::Download, destination, source),
            (true, true) => return Err("both are folders of this machine"),
            (false, false) => return Err("neither is a folder of this machine"),
        };
        let place = place.parse().map_err(|_| "one of them has to begin with the name of a bucket")?;
        Ok(Self { direction, folder: PathBuf::from(folder), place })
    }
}

/// No bucket's name begins so.
fn is_folder(text: &str) -> bool {
    text.starts_with(['/', '.'])
}

/// A number of seconds, or one with `s`, `m`, `h` or `d` behind it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit_s) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 24 * 3600),
        _ => (text, 1),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<u64>().ok().filter(|_| digits).and_then(|n| n.checked_mul(unit_s));
    seconds.map(Duration::from_secs).ok_or_else(|| "a time is written as 90s, 30m, 1h or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |text: &str| text.parse::<Place>().map(|place| (place.bucket, place.name));
        let some = |bucket: &str, name: &str| Ok((bucket.to_owned(), name.to_owned()));
        assert_eq!(place("b"), some("b", ""));
        assert_eq!(place("b/"), some("b", ""));
        assert_eq!(place("b/a/c"), some("b", "a/c"));
        assert!(place("/a").is_err() && place("").is_err());
    }

    #[test]
    fn the_folder_is_told_by_its_looks() {
        let up = Sides::of("./photos", "backups/x").unwrap();
        assert_eq!((up.direction, up.place.name.as_str()), (Direction::Upload, "x"));
        let down = Sides::of("backups", "/tmp/x").unwrap();
        assert_eq!((down.direction, down.folder), (Direction::Download, PathBuf::from("/tmp/x")));
        assert!(Sides::of("photos", "backups").is_err());
        assert!(Sides::of("./photos", "/backups").is_err());
        assert!(Sides::of("./photos", "").is_err());
    }

    #[test]
    fn times() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "h",
            "1.5h",
            "-1h",
            "+1h",
            "1 h",
            "1w",
            "99999999999999999999d",
            "1ж",
            "18446744073709551615d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
