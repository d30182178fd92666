//! What machine is asked for, and which of a cloud's templates and images answers it.
//!
//! - [`Sizing`] is a sizing expression such as `cpu>=4,ram=[7-16],disk>=50`.
//! - [`match_templates`] finds the [`Template`] that a sizing asks for, and says of each why or why not.
//! - [`match_images`] finds the [`Image`] that an id or a name such as `Ubuntu 24.04` asks for.
//! - [`FlavorName`] reads what a flavor's name such as `SCS-4V-16-100s` claims, and writes such names.
//!
//! Nothing here talks to a cloud: templates and images are what a provider listed.

mod error;
mod flavor_name;
mod image;
mod machine;
mod near;
mod sizing;
mod template;

pub use error::Error;
pub use flavor_name::{
    CpuKind, FlavorCpu, FlavorDisk, FlavorDiskKind, FlavorGpu, FlavorMemory, FlavorName, GpuUnits, GpuVendor,
    Hypervisor, ProcessorVendor, VideoMemory,
};
pub use image::{Image, ImageMatches, ImageOutcome, ImageReason, ImageVerdict, Likeness, match_images};
pub use machine::{Architecture, DiskKind, ImageId, TemplateId};
pub use sizing::{Bounds, Key, Problem, Sizing, SyntaxError, Thousandths};
pub use template::{
    Choice, Template, TemplateMatches, TemplateOptions, TemplateOutcome, TemplateReason, TemplateRules,
    TemplateVerdict, match_templates,
};
