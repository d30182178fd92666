//! Which image is meant.

use std::cmp::Reverse;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::Image;
use super::likeness::{Likeness, Normal};
use crate::error::Error;
use crate::machine::Architecture;

/// How many images an error names at most.
const MOST_NEAREST: usize = 3;

/// Why an image does not do. Its text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageReason {
    /// It is something else.
    #[error("its name is another")]
    Unlike,
    /// It is of another architecture.
    #[error("it is {has}, {wanted} is wanted")]
    Architecture {
        /// What it is.
        has: Architecture,
        /// What is wanted.
        wanted: Architecture,
    },
}

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageOutcome {
    /// It would do.
    Qualifies {
        /// 1 is the chosen one, 2 the one after it.
        position: usize,
        /// How like it is.
        likeness: Likeness,
        /// How many letters and digits differ between its name and what is asked for.
        distance: usize,
    },
    /// It would not.
    Fails {
        /// All reasons, at least one.
        reasons: Vec<ImageReason>,
    },
}

/// An image, and what became of it. In JSON: `id`, `name`, `position`, `likeness`, `distance` (each of the
/// three null where it does not qualify) and `reasons`, a list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageVerdict<'a> {
    /// Which.
    pub image: &'a Image,
    /// What became of it.
    pub outcome: ImageOutcome,
}

impl ImageVerdict<'_> {
    /// Why, for people.
    #[must_use]
    pub fn why(&self) -> String {
        match &self.outcome {
            ImageOutcome::Qualifies { position: 1, likeness, .. } => format!("chosen, {likeness}"),
            ImageOutcome::Qualifies { position, likeness, .. } => format!("number {position}, {likeness}"),
            ImageOutcome::Fails { reasons } => {
                reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

impl Serialize for ImageVerdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (place, reasons) = match &self.outcome {
            ImageOutcome::Qualifies { position, likeness, distance } => {
                (Some((*position, *likeness, *distance)), Vec::new())
            }
            ImageOutcome::Fails { reasons } => (None, reasons.iter().map(ToString::to_string).collect()),
        };
        let mut verdict = serializer.serialize_struct("ImageVerdict", 6)?;
        verdict.serialize_field("id", &self.image.id)?;
        verdict.serialize_field("name", &self.image.name)?;
        verdict.serialize_field("position", &place.map(|(position, ..)| position))?;
        verdict.serialize_field("likeness", &place.map(|(_, likeness, _)| likeness))?;
        verdict.serialize_field("distance", &place.map(|(.., distance)| distance))?;
        verdict.serialize_field("reasons", &reasons)?;
        verdict.end()
    }
}

/// What became of all images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageMatches<'a> {
    /// What was asked for.
    pub wanted: String,
    /// Those that qualify, the chosen one first; then those that do not, the nearest first.
    pub verdicts: Vec<ImageVerdict<'a>>,
}

impl<'a> ImageMatches<'a> {
    /// The image to take.
    ///
    /// # Errors
    ///
    /// [`Error::NoImage`] where none qualifies; it names those of the architecture that come nearest.
    pub fn choice(&self) -> Result<&'a Image, Error> {
        match self.verdicts.first() {
            Some(ImageVerdict { image, outcome: ImageOutcome::Qualifies { .. } }) => Ok(image),
            _ => {
                let suits = |verdict: &&ImageVerdict<'_>| matches!(&verdict.outcome, ImageOutcome::Fails { reasons } if *reasons == [ImageReason::Unlike]);
                let nearest = self.verdicts.iter().filter(suits).take(MOST_NEAREST);
                let nearest = nearest.map(|verdict| verdict.image.name.clone()).collect();
                Err(Error::NoImage { wanted: self.wanted.clone(), nearest })
            }
        }
    }
}

/// Finds the image that an id or a name asks for.
///
/// The id wins, whatever else is said. Else names are compared without case and punctuation: those that
/// are the same come first, then those that contain what is asked for (so do the system and its version
/// together), then those that do but for a letter or two mistyped. The numbers are always the same: 22.04
/// never stands for 24.04. Among the like, general images come before those made for a purpose, then the
/// nearer names, the newer images, and then it goes by name and id. The order in which `images` come does
/// not matter. `architecture` leaves out what is known to be of another.
///
/// ```
/// use skywright_sizing::{Architecture, Image, match_images};
///
/// let image = |id: &str, name: &str| Image { id: id.into(), name: name.into(), ..Image::default() };
/// let images = [image("1", "Ubuntu 22.04"), image("2", "ubuntu-24.04-minimal"), image("3", "Ubuntu 24.04 LTS")];
/// let matches = match_images("ubuntu 24.04", &images, Some(Architecture::Amd64));
/// assert_eq!(matches.choice()?.id.as_str(), "3");
/// assert_eq!(matches.verdicts[0].why(), "chosen, it contains what is asked for");
/// # Ok::<(), skywright_sizing::Error>(())
/// ```
#[must_use]
pub fn match_images<'a>(
    wanted: &str,
    images: &'a [Image],
    architecture: Option<Architecture>,
) -> ImageMatches<'a> {
    let normal = Normal::new(wanted);
    let mut judged: Vec<_> =
        images.iter().map(|image| (judge(wanted, &normal, image, architecture), image)).collect();
    judged.sort_by_cached_key(|(judged, image)| {
        let at = Reverse(image.created_at.clone());
        (judged.key(), at, image.name.clone(), image.id.clone())
    });
    let verdicts = judged.into_iter().enumerate().map(|(index, (judged, image))| ImageVerdict {
        image,
        outcome: match judged.result {
            Ok(likeness) => {
                ImageOutcome::Qualifies { position: index + 1, likeness, distance: judged.distance }
            }
            Err(reasons) => ImageOutcome::Fails { reasons },
        },
    });
    ImageMatches { wanted: wanted.to_owned(), verdicts: verdicts.collect() }
}

/// An image while all are compared.
struct Judged {
    result: Result<Likeness, Vec<ImageReason>>,
    is_special: bool,
    distance: usize,
}

impl Judged {
    fn key(&self) -> (usize, Option<Likeness>, bool, usize) {
        let likeness = self.result.as_ref().ok().copied();
        // For those that do not qualify, the distance alone says how near they are.
        let is_special = self.is_special && likeness.is_some();
        (usize::from(likeness.is_none()), likeness, is_special, self.distance)
    }
}

fn judge(wanted: &str, normal: &Normal, image: &Image, architecture: Option<Architecture>) -> Judged {
    let name = Normal::new(&image.name);
    let is_special = image.attributes.get("os_purpose").is_some_and(|purpose| purpose != "generic");
    let result =
        if image.id.as_str() == wanted { Ok(Likeness::Id) } else { like(&name, normal, image, architecture) };
    Judged { result, is_special, distance: name.distance(normal) }
}

fn like(
    name: &Normal,
    wanted: &Normal,
    image: &Image,
    architecture: Option<Architecture>,
) -> Result<Likeness, Vec<ImageReason>> {
    let by_system = || {
        let system =
            Normal::new(&format!("{} {}", image.os_family.as_deref()?, image.os_version.as_deref()?));
        system.contains(wanted).then_some(Likeness::Contained)
    };
    let likeness = match name.likeness(wanted) {
        Some(Likeness::Mistyped) | None => by_system().or(name.likeness(wanted)),
        likeness => likeness,
    };
    let mut reasons = Vec::new();
    if likeness.is_none() {
        reasons.push(ImageReason::Unlike);
    }
    if let (Some(wanted), Some(has)) = (architecture, image.architecture)
        && wanted != has
    {
        reasons.push(ImageReason::Architecture { has, wanted });
    }
    if reasons.is_empty() { likeness.ok_or(reasons) } else { Err(reasons) }
}
