//! Which of Cinder's volume types is for which speed.
//!
//! The setting `volume-types` says so, such as `cold=SATA, hdd=SAS, ssd=SSD`. For a speed that it leaves out, a
//! type is chosen by its name ([`FAMILIES`]): of those that fit, the one whose word comes first, and of these
//! the shortest name. Types for encryption or for several hosts at once are never chosen so. A cloud with no
//! fitting type makes the volume of its own default type.

use serde::{Deserialize, Serialize};
use skywright_sdk::cache;
use skywright_sdk::prelude::*;
use skywright_sdk::volumes::Speed;

use crate::profile;

/// How long the list of types is believed, in seconds.
const KEPT_S: u32 = 86_400;

/// Words in the names of types, by speed; the surest come first.
const FAMILIES: [(Speed, &[&str]); 3] = [
    (Speed::Ssd, &["ssd", "essd", "nvme", "high-speed", "performance", "premium", "fast"]),
    (Speed::Hdd, &["hdd", "sas", "classic", "standard"]),
    (Speed::Cold, &["cold", "sata", "archive", "capacity"]),
];

/// Words in the names of types that are chosen by their whole name alone.
const SPECIAL: &[&str] = &["luks", "crypt", "multiattach", "multi-attach", "shared", "replicat"];

#[derive(Deserialize)]
struct Types {
    volume_types: Vec<Type>,
}

#[derive(Serialize, Deserialize)]
struct Type {
    name: String,
}

/// The type for a speed; `None` for the cloud's default.
///
/// # Errors
///
/// `bad-setting` for `volume-types`, and those of Cinder.
pub(crate) fn of_speed(volume: &Client, speed: Speed) -> Result<Option<String>, Error> {
    if let Some((_, name)) = given()?.into_iter().find(|(given, _)| *given == speed) {
        return Ok(Some(name));
    }
    let names: Vec<String> = cache::get_or(&format!("volume-types {}", volume.base()), KEPT_S, || {
        let types: Types = volume.get("/types").json()?;
        Ok(types.volume_types.into_iter().map(|kind| kind.name).collect())
    })?;
    let known = known(speed).iter().find(|known| names.iter().any(|name| name == *known)).copied();
    Ok(known.or_else(|| chosen(&names, speed)).map(str::to_owned))
}

/// Those that the dialect knows for a speed.
fn known(speed: Speed) -> &'static [&'static str] {
    let known = profile::current().volume_types.iter().find(|(of, _)| *of == speed);
    known.map_or(&[], |(_, names)| names)
}

/// The speed of a type, as far as its name tells.
pub(crate) fn speed(name: &str) -> Option<Speed> {
    let given = given().unwrap_or_default();
    let by_setting = given.into_iter().find(|(_, given)| given == name).map(|(speed, _)| speed);
    let known = profile::current().volume_types.iter();
    by_setting
        .or_else(|| known.clone().find(|(_, names)| names.first() == Some(&name)).map(|(speed, _)| *speed))
        .or_else(|| FAMILIES.into_iter().map(|(speed, _)| speed).find(|speed| rank(name, *speed).is_some()))
}

fn given() -> Result<Vec<(Speed, String)>, Error> {
    settings::text("volume-types").map_or_else(|| Ok(Vec::new()), |text| parsed(&text))
}

/// `cold=…, hdd=…, ssd=…`, each at most once.
pub(crate) fn parsed(text: &str) -> Result<Vec<(Speed, String)>, Error> {
    let bad = |pair: &str| {
        let message = format!("the setting volume-types has {pair:?}, which is not SPEED=TYPE");
        let error = Error::invalid("bad-setting", message).with_subject("volume-types");
        error.with_hint("write it as in cold=SATA, hdd=SAS, ssd=SSD")
    };
    let mut given: Vec<(Speed, String)> = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (word, name) = pair.split_once('=').ok_or_else(|| bad(pair))?;
        let speed = match word.trim() {
            "cold" => Speed::Cold,
            "hdd" => Speed::Hdd,
            "ssd" => Speed::Ssd,
            _ => return Err(bad(pair)),
        };
        if name.trim().is_empty() || given.iter().any(|(other, _)| *other == speed) {
            return Err(bad(pair));
        }
        given.push((speed, name.trim().to_owned()));
    }
    Ok(given)
}

fn chosen(names: &[String], speed: Speed) -> Option<&str> {
    let ranked = names.iter().filter_map(|name| Some((rank(name, speed)?, name.len(), name.as_str())));
    ranked.min().map(|(_, _, name)| name)
}

/// How well a type fits a speed by its name: 0 is best.
fn rank(name: &str, speed: Speed) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    if SPECIAL.iter().any(|word| name.contains(word)) {
        return None;
    }
    // The words of one speed may stand in the name of another: SSD is a faster SAS to nobody.
    let of = |wanted: Speed| FAMILIES.iter().find(|(speed, _)| *speed == wanted).map(|(_, words)| *words);
    let first = FAMILIES.iter().find(|(_, words)| words.iter().any(|word| name.contains(word)))?;
    if first.0 != speed {
        return None;
    }
    of(speed)?.iter().position(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use skywright_sdk::replay::Recording;

    use super::*;
    use crate::profile::Profile;

    fn choose(names: &[&str]) -> [Option<String>; 3] {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        [Speed::Cold, Speed::Hdd, Speed::Ssd].map(|speed| chosen(&names, speed).map(str::to_owned))
    }

    #[track_caller]
    fn are(names: &[&str], expected: [Option<&str>; 3]) {
        assert_eq!(choose(names), expected.map(|name| name.map(str::to_owned)));
    }

    #[test]
    fn the_clouds_that_are_known() {
        let ovh = [
            "classic",
            "classic-luks",
            "classic-multiattach",
            "high-speed",
            "high-speed-gen2",
            "high-speed-luks",
        ];
        are(&ovh, [None, Some("classic"), Some("high-speed")]);
        are(&["SATA", "SAS", "SSD", "ESSD", "co-p1", "uh-l1"], [Some("SATA"), Some("SAS"), Some("SSD")]);
        are(&["hdd", "ssd", "__DEFAULT__"], [None, Some("hdd"), Some("ssd")]);
        are(&["__DEFAULT__"], [None, None, None]);
        are(&["ssd-luks"], [None, None, None]);
    }

    #[test]
    fn the_setting_comes_first() {
        let tenant = Recording::silent().setting("volume-types", " ssd=__DEFAULT__ ,cold=x");
        tenant.play(|| {
            let client = Client::new("http://nowhere");
            assert_eq!(of_speed(&client, Speed::Ssd).unwrap().as_deref(), Some("__DEFAULT__"));
            assert_eq!((speed("x"), speed("SAS"), speed("y")), (Some(Speed::Cold), Some(Speed::Hdd), None));
        });
    }

    #[test]
    fn what_the_dialect_knows_comes_before_the_names() {
        static KNOWN: Profile = Profile {
            volume_types: &[(Speed::Cold, &["classic"]), (Speed::Ssd, &["gen2", "high-speed"])],
            ..Profile::GENERIC
        };
        let cloud = |types: &str| {
            let body = format!(r#"{{\"volume_types\":[{types}]}}"#);
            let request = r#"{"method":"GET","url":"http://cinder/types"}"#;
            let response = format!(r#"{{"status":200,"headers":[],"body":"{body}"}}"#);
            let text =
                format!("{{\"skywright-recording\":1}}\n{{\"request\":{request},\"response\":{response}}}");
            Recording::parse(&text).unwrap()
        };
        let of = |speed, types: &str| {
            let asked = || of_speed(&Client::new("http://cinder"), speed).unwrap();
            cloud(types).play(|| KNOWN.scope(asked))
        };
        let (old, new) = (r#"{\"name\":\"classic\"},{\"name\":\"high-speed\"}"#, r#"{\"name\":\"gen2\"}"#);
        assert_eq!(of(Speed::Ssd, old).as_deref(), Some("high-speed"));
        assert_eq!(of(Speed::Ssd, &format!("{old},{new}")).as_deref(), Some("gen2"));
        assert_eq!(of(Speed::Cold, old).as_deref(), Some("classic"));
        assert_eq!(of(Speed::Cold, new), None);
        let told = |name: &str| Recording::silent().play(|| KNOWN.scope(|| speed(name)));
        assert_eq!([told("classic"), told("high-speed")], [Some(Speed::Cold), Some(Speed::Ssd)]);
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for text in ["ssd", "fast=SSD", "ssd=", "ssd=a,ssd=b", "ssd=a;hdd=b=,c"] {
            assert_eq!(parsed(text).unwrap_err().subject.as_deref(), Some("volume-types"), "{text}");
        }
        assert_eq!(parsed("").unwrap(), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_borne(text in "(cold|hdd|ssd|=|,| |.){0,10}", name in ".{0,10}") {
            if let Ok(given) = parsed(&text) {
                proptest::prop_assert!(given.len() <= 3);
            }
            let names = [name.clone()];
            for (speed, _) in FAMILIES {
                proptest::prop_assert!(chosen(&names, speed).is_none_or(|chosen| chosen == name));
            }
        }
    }
}
