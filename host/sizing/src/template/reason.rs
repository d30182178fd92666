//! Why a template does not do.

use std::fmt;

use crate::machine::Architecture;
use crate::sizing::{Bounds, Key};

/// Why a template does not do. Its text is what `template match --explain` shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateReason {
    /// It is outside of what the sizing asks for.
    #[error("{key} is {has}, `{key}{bounds}` is asked for")]
    Bound {
        /// Which term.
        key: Key,
        /// What the template has.
        has: String,
        /// The term's operator and number.
        bounds: String,
    },
    /// The sizing asks for a clock, and the template's is not known.
    #[error("the processor's clock is not known, `cpufreq{bounds}` is asked for")]
    ClockUnknown {
        /// The term's operator and number.
        bounds: String,
    },
    /// It has a GPU, and the sizing does not speak of GPUs.
    #[error("it has a GPU, and `gpu` is not asked for")]
    HasGpu,
    /// It has no disk, and boot volumes are not allowed.
    #[error("it has no disk of its own, and boot volumes are not allowed")]
    NoDisk,
    /// The disk is too small for the image.
    #[error("the image needs a disk of {needs_gib} GiB, {has_gib} GiB is what it could have")]
    ImageDisk {
        /// What the image needs.
        needs_gib: u32,
        /// The most that there could be.
        has_gib: u32,
    },
    /// The memory is too small for the image.
    #[error("the image needs {needs_mib} MiB of memory, it has {has_mib} MiB")]
    ImageMemory {
        /// What the image needs.
        needs_mib: u64,
        /// What there is.
        has_mib: u64,
    },
    /// It is of another architecture.
    #[error("it is {has}, {wanted} is wanted")]
    Architecture {
        /// What it is.
        has: Architecture,
        /// What is wanted.
        wanted: Architecture,
    },
    /// There are `allow` patterns, and none matches.
    #[error("no `allow` pattern matches its name")]
    NotAllowed,
    /// A `deny` pattern matches.
    #[error("the `deny` pattern `{pattern}` matches its name")]
    Denied {
        /// Which.
        pattern: String,
    },
    /// Another one is asked for by name or id.
    #[error("another template is asked for by name")]
    NotNamed,
}

impl TemplateReason {
    pub(super) fn bound<T>(key: Key, has: String, bounds: &Bounds<T>) -> Self
    where
        Bounds<T>: fmt::Display,
    {
        Self::Bound { key, has, bounds: bounds.to_string() }
    }
}
