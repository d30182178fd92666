//! What is wrong with a bundle.

use jiff::Timestamp;
use skywright_contract::{Category, Digest};

use crate::tuf::TargetPath;

/// Why a bundle is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleProblem {
    /// The archive ends too early, or its headers are garbled.
    #[error("the archive cannot be read: {reason}")]
    Archive {
        /// How it shows.
        reason: String,
    },
    /// Something in the archive that is not a plain file: a link, a folder, a device, an extension header.
    #[error("`{name}` in the archive is {kind}; a bundle holds plain files alone")]
    NotAFile {
        /// Its name, escaped.
        name: String,
        /// What it is.
        kind: String,
    },
    /// A name that is neither fixed nor a digest.
    #[error("`{name}` in the archive is no name of a bundle's file")]
    Name {
        /// The first characters of it, escaped.
        name: String,
    },
    /// Two files of one name.
    #[error("`{name}` is in the archive twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// Bytes that are not what their name says.
    #[error("the blob {digest} holds other bytes")]
    Digest {
        /// What they should be.
        digest: Digest,
    },
    /// Something is larger than its limit.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// What.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A file of the layout, or an index or manifest in it, that does not say what it must.
    #[error("{what}: {reason}")]
    Layout {
        /// Which.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A blob that nothing names.
    #[error("nothing in the bundle names the blob {digest}")]
    Stray {
        /// Which.
        digest: Digest,
    },
    /// A blob that is named and not there.
    #[error("the blob {digest} is neither in the bundle nor here already")]
    Absent {
        /// Which.
        digest: Digest,
    },
    /// The site has vetted nothing in it, and the site's word is asked for.
    #[error("the bundle was not vetted: it holds no metadata of the site")]
    NotVetted,
    /// The site and the publisher say different things of one file.
    #[error("`{path}`: the site vetted {site}, and its repository lists {upstream}")]
    Disagreement {
        /// The file.
        path: TargetPath,
        /// What the site signed.
        site: String,
        /// What the publisher signed.
        upstream: String,
    },
    /// What the site signed of the vetting is missing or does not fit what is in the bundle.
    #[error("the record of the vetting of `{path}`: {reason}")]
    Record {
        /// The file.
        path: TargetPath,
        /// What is wrong with it.
        reason: String,
    },
    /// Upstream metadata is older than the policy takes without a vetting.
    #[error("the repository's metadata ended at {expires}, longer ago than the {limit} that are allowed")]
    Stale {
        /// When it ended.
        expires: Timestamp,
        /// How long ago that may be.
        limit: String,
    },
    /// An artifact beside the plugins that the site did not list.
    #[error("nobody signed for the artifact `{name}`")]
    Unsigned {
        /// Its name.
        name: String,
    },
    /// There is not enough room to unpack it.
    #[error("it takes {needed_bytes} bytes, and {free_bytes} are free where it would go")]
    NoRoom {
        /// What it takes.
        needed_bytes: u64,
        /// What there is.
        free_bytes: u64,
    },
}

impl BundleProblem {
    /// What kind of failure it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::TooLarge { .. } => Category::Quota,
            Self::NoRoom { .. } => Category::Unavailable,
            Self::Absent { .. } => Category::NotFound,
            Self::Archive { .. }
            | Self::Layout { .. }
            | Self::Name { .. }
            | Self::NotAFile { .. }
            | Self::Stray { .. }
            | Self::Twice { .. } => Category::InvalidRequest,
            _ => Category::Forbidden,
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Absent { .. } => "load the bundle before it first, or have it saved again without --since",
            Self::NotVetted => "vet it: skywright bundle vet BUNDLE --key FILE",
            Self::Archive { .. } | Self::Digest { .. } => "carry it over again; it changed on the way",
            Self::Stale { .. } => "bring a newer bundle, or have it vetted by a site key",
            Self::NoRoom { .. } => "make room, and load it again",
            _ => return None,
        })
    }
}
