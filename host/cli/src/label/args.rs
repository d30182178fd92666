//! The command line of labels and tags: the catalogue, and those of each resource.

use clap::{Args, Subcommand};
use skywright_core::resource::{Kind, LabelFilter};

use crate::site::Yes;

#[derive(Debug, Subcommand)]
pub(crate) enum LabelCommand {
    /// List the labels of the catalogue, and those that are bound somewhere.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright label list")]
    List,
    /// Put a label into the catalogue, with a value for those who bind it without one.
    #[command(
        visible_alias = "new",
        after_help = "Example:\n  skywright label create environment --value test"
    )]
    Create {
        /// Its name.
        name: String,
        /// Its value where none is given.
        #[arg(long)]
        value: Option<String>,
    },
    /// Show a label, and where it is bound.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright label inspect environment")]
    Inspect {
        /// Its name.
        name: String,
    },
    /// Take labels out of the catalogue.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright label delete environment --force --yes")]
    Delete(Delete),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TagCommand {
    /// List the tags of the catalogue, and those that are bound somewhere.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright tag list")]
    List,
    /// Put a tag into the catalogue.
    #[command(visible_alias = "new", after_help = "Example:\n  skywright tag create blue")]
    Create {
        /// The word.
        name: String,
    },
    /// Show a tag, and where it is bound.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright tag inspect blue")]
    Inspect {
        /// The word.
        name: String,
    },
    /// Take tags out of the catalogue.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright tag delete blue --force --yes")]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Their names.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Take them off whatever has them first.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// A resource that has labels and tags.
pub(crate) trait Labelled: Args {
    /// Its kind.
    const KIND: Kind;

    /// Its name or id, behind its network's where it has one.
    fn path(&self) -> Vec<String>;
}

/// Defines the arguments that say which resource.
macro_rules! labelled {
    ($($name:ident: $kind:ident { $($(#[$doc:meta])* $field:ident),+ };)+) => {
        $(
            #[derive(Debug, Args)]
            pub(crate) struct $name {
                $($(#[$doc])* $field: String,)+
            }

            impl Labelled for $name {
                const KIND: Kind = Kind::$kind;

                fn path(&self) -> Vec<String> {
                    vec![$(self.$field.clone()),+]
                }
            }
        )+
    };
}

labelled! {
    OnNetwork: Network {
        /// The network's name or id.
        network
    };
    OnSubnet: Subnet {
        /// The network's name or id.
        network,
        /// The subnet's name or id.
        subnet
    };
    OnGroup: SecurityGroup {
        /// The network's name or id; `-` for a group of none.
        network,
        /// The group's name or id.
        group
    };
    OnHost: Host {
        /// The host's name or id.
        host
    };
    OnVolume: Volume {
        /// The volume's name or id.
        volume
    };
    OnBucket: Bucket {
        /// The bucket's name.
        bucket
    };
    OnAddress: PublicAddress {
        /// The address's name or id.
        address
    };
    OnVirtualIp: VirtualIp {
        /// The network's name or id.
        network,
        /// The subnet's name or id.
        subnet,
        /// The virtual IP's name or id.
        #[arg(value_name = "VIP")]
        ip
    };
}

/// What every noun with labels and tags has.
#[derive(Debug, Subcommand)]
pub(crate) enum OwnCommand<P: Args> {
    /// The labels of one: keys with values.
    #[command(subcommand)]
    Label(OwnLabelCommand<P>),
    /// The tags of one: words.
    #[command(subcommand)]
    Tag(OwnTagCommand<P>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnLabelCommand<P: Args> {
    /// List the labels of one.
    #[command(visible_alias = "ls", after_help = "Example, of a host:\n  skywright host label list web")]
    List {
        #[command(flatten)]
        at: P,
    },
    /// Bind a label, or give it another value: the catalogue's by default.
    #[command(after_help = "Example, of a host:\n  skywright host label bind web stage --value test")]
    Bind {
        #[command(flatten)]
        at: P,
        /// The label's name.
        #[arg(value_name = "LABEL")]
        name: String,
        /// Its value.
        #[arg(long)]
        value: Option<String>,
    },
    /// Take a label off.
    #[command(after_help = "Example, of a host:\n  skywright host label unbind web stage")]
    Unbind {
        #[command(flatten)]
        at: P,
        /// The label's name.
        #[arg(value_name = "LABEL")]
        name: String,
    },
    /// Give a bound label another value.
    #[command(after_help = "Example, of a host:\n  skywright host label update web stage --value production")]
    Update {
        #[command(flatten)]
        at: P,
        /// The label's name.
        #[arg(value_name = "LABEL")]
        name: String,
        /// Its value.
        #[arg(long)]
        value: String,
    },
    /// Give a bound label the catalogue's value.
    #[command(after_help = "Example, of a host:\n  skywright host label reset web stage")]
    Reset {
        #[command(flatten)]
        at: P,
        /// The label's name.
        #[arg(value_name = "LABEL")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnTagCommand<P: Args> {
    /// List the tags of one.
    #[command(visible_alias = "ls", after_help = "Example, of a host:\n  skywright host tag list web")]
    List {
        #[command(flatten)]
        at: P,
    },
    /// Bind a tag.
    #[command(after_help = "Example, of a host:\n  skywright host tag bind web front")]
    Bind {
        #[command(flatten)]
        at: P,
        /// The word.
        #[arg(value_name = "TAG")]
        name: String,
    },
    /// Take a tag off.
    #[command(after_help = "Example, of a host:\n  skywright host tag unbind web front")]
    Unbind {
        #[command(flatten)]
        at: P,
        /// The word.
        #[arg(value_name = "TAG")]
        name: String,
    },
}

/// What a listing is cut down to.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Only those with this label; give it again for more.
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    labels: Vec<String>,
    /// Only those with this tag; give it again for more.
    #[arg(long = "tag", value_name = "WORD")]
    tags: Vec<String>,
}

impl FilterArgs {
    pub(crate) fn filter(&self) -> LabelFilter {
        let pair = |text: &String| match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (text.clone(), None),
        };
        LabelFilter { labels: self.labels.iter().map(pair).collect(), tags: self.tags.clone() }
    }
}
