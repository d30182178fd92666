//! Arguments that several nouns have.

use clap::Args;
use skywright_core::resource::{Labels, MachineRequest};

use crate::error::Error;
use crate::label::FilterArgs;

/// Which of a listing.
#[derive(Debug, Args)]
pub(crate) struct All {
    /// Also what this program did not make.
    #[arg(long, short = 'a')]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

/// Labels and tags of something new.
#[derive(Debug, Args)]
pub(crate) struct LabelArgs {
    /// A label; give it again for more.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = crate::args::key_value)]
    labels: Vec<(String, String)>,
    /// A tag; give it again for more.
    #[arg(long = "tag", value_name = "WORD")]
    tags: Vec<String>,
}

impl LabelArgs {
    /// # Errors
    ///
    /// [`Error::Usage`] for a label that has two values.
    pub(crate) fn labels(self) -> Result<Labels, Error> {
        let mut labels = Labels { tags: self.tags.into_iter().collect(), ..Labels::default() };
        for (key, value) in self.labels {
            if labels.labels.contains_key(&key) {
                return Err(Error::Usage {
                    message: format!("the label `{key}` is given twice"),
                    hint: None,
                });
            }
            labels.labels.insert(key, value);
        }
        Ok(labels)
    }
}

/// The machine of a host.
#[derive(Debug, Args)]
pub(crate) struct MachineArgs {
    /// What machine, such as cpu>=2,ram=[4-16] or template=NAME; the smallest by default.
    #[arg(long, short = 'S', value_name = "SIZING", default_value = "", hide_default_value = true)]
    sizing: String,
    /// The image, by name or id; the tenant's default otherwise.
    #[arg(long, value_name = "IMAGE", visible_alias = "image")]
    os: Option<String>,
    /// The zone, where the cloud has several.
    #[arg(long)]
    zone: Option<String>,
}

impl From<MachineArgs> for MachineRequest {
    fn from(args: MachineArgs) -> Self {
        Self { sizing: args.sizing, image: args.os, zone: args.zone }
    }
}

/// What becomes of it if it fails.
#[derive(Debug, Args)]
pub(crate) struct Keep {
    /// If it fails, leave what was made; `operation resume` and `operation abort` go on from there.
    #[arg(long, short = 'k')]
    pub(crate) keep_on_failure: bool,
}
