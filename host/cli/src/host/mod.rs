//! `skywright host …`.

mod args;
mod create;
mod ssh;

use serde_json::json;
use skywright_core::resource::{DeleteHosts, HostAction, HostView, ResizeHost, SwitchHosts};

pub(crate) use args::HostCommand;
use args::Resize;

use crate::error::Error;
use crate::security_group::Security;
use crate::site::Site;
use crate::{label, security_group};

pub(crate) async fn run(command: HostCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        HostCommand::List(which) => {
            let mut hosts = site.look().await?.hosts(which.all).await?;
            let filter = which.filter.filter();
            hosts.retain(|host| filter.matches(&host.labels, &host.tags));
            print_list(&hosts, site)
        }
        HostCommand::Create(args) => create::run(*args, site).await,
        HostCommand::Inspect(which) => {
            site.printer.details(&site.look().await?.host(&which.reference).await?)
        }
        HostCommand::State(which) => {
            let host = site.look().await?.host(&which.reference).await?;
            let result = json!({ "name": host.name, "state": host.state });
            site.printer.result(&result, || host.state.to_owned())
        }
        HostCommand::Start { references } => switch(references, HostAction::Start, site).await,
        HostCommand::Stop(args) => {
            switch(args.references, HostAction::Stop { force: args.force }, site).await
        }
        HostCommand::Reboot(args) => {
            switch(args.references, HostAction::Reboot { force: args.force }, site).await
        }
        HostCommand::Resize(args) => resize(args, site).await,
        HostCommand::Delete { references, force } => {
            let tenancy = site.open().await?;
            site.run(&tenancy, &DeleteHosts { references, force }).await?;
            site.printer.done()
        }
        HostCommand::Security(Security::Group(command)) => security_group::run_of_host(command, site).await,
        HostCommand::Own(command) => label::run_of(command, site).await,
        HostCommand::Ssh(args) => ssh::run(&args, site).await,
        HostCommand::Console { reference, lines } => console(&reference, lines, site).await,
    }
}

async fn switch(references: Vec<String>, action: HostAction, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    site.run(&tenancy, &SwitchHosts { references, action }).await?;
    site.printer.done()
}

async fn resize(args: Resize, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let change = ResizeHost { reference: args.reference, sizing: args.sizing };
    site.run(&tenancy, &change).await?;
    site.printer.details(&tenancy.host(&change.reference).await?)
}

async fn console(reference: &str, lines: u32, site: &Site<'_>) -> Result<(), Error> {
    let text = site.look().await?.console(reference, lines).await?;
    let lines: Vec<_> = text.lines().map(skywright_runtime::printable).collect();
    site.printer.result(&lines, || lines.join("\n"))
}

fn print_list(hosts: &[HostView], site: &Site<'_>) -> Result<(), Error> {
    let head = ["name", "state", "template", "private", "public", "subnets", "id"];
    site.printer.list("hosts", hosts, head, row)
}

fn row(host: &HostView) -> [String; 7] {
    [
        host.name.clone(),
        host.state.to_owned(),
        host.template.as_ref().map(|template| template.name.clone()).unwrap_or_default(),
        host.private_address.clone().unwrap_or_default(),
        host.public_address.clone().unwrap_or_default(),
        host.subnets.join(", "),
        host.id.clone().unwrap_or_default(),
    ]
}
