//! The command line of public addresses.

use clap::{Args, Subcommand};

use crate::label::{OnAddress, OwnCommand};
use crate::shared_args::{All, Keep, LabelArgs};
use crate::site::Yes;

#[derive(Debug, Subcommand)]
pub(crate) enum AddressCommand {
    /// List public addresses.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright address list --all")]
    List(All),
    /// Get a public address. It is paid for until it is deleted.
    #[command(visible_alias = "new", after_help = "Example:\n  skywright address create front")]
    Create(AddressCreate),
    /// Show a public address.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright address inspect front")]
    Inspect(Which),
    /// Give public addresses back to the cloud, which may give them to others.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright address delete front back")]
    Delete(AddressDelete),
    /// Give a public address to a host that has none.
    ///
    /// What may come in from outside is up to the host's security groups.
    #[command(
        visible_alias = "attach",
        after_help = "Example:\n  skywright address bind front web\n  skywright host security group add web public"
    )]
    Bind {
        /// The address's name or id.
        address: String,
        /// The host's name or id.
        host: String,
    },
    /// Take a public address from its host, and keep it.
    #[command(visible_alias = "detach", after_help = "Example:\n  skywright address unbind front")]
    Unbind(Which),
    #[command(flatten)]
    Own(OwnCommand<OnAddress>),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its name or id.
    #[arg(value_name = "ADDRESS")]
    pub(crate) reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddressCreate {
    /// Its name here; clouds know it by the address alone.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct AddressDelete {
    /// Their names or ids.
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) references: Vec<String>,
    /// Also while hosts have them.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}
