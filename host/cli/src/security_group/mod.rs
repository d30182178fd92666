//! `skywright security-group …`, also as `skywright network security group …`, and the groups of hosts and
//! subnets.

mod args;

use skywright_core::Name;
use skywright_core::resource::{
    BindAction, BindHostGroup, BindSubnetGroup, BondView, BondsView, ChangeRules, CreateSecurityGroup,
    DeleteSecurityGroups, HostGroupView, RuleChange, RuleView, SecurityGroupView,
};
use skywright_runtime::printable;

use args::{Bound, BoundState, GroupCreate, GroupDelete, HostGroup, RuleCommand, SubnetGroup, Which};
pub(crate) use args::{HostGroupCommand, Security, SecurityGroupCommand, SubnetGroupCommand};

use crate::error::Error;
use crate::label;
use crate::output::table;
use crate::site::Site;

pub(crate) async fn run(command: SecurityGroupCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        SecurityGroupCommand::List { network, all } => {
            let groups = site.look().await?.security_groups(network.as_deref(), all).await?;
            let head = ["network", "name", "rules", "status", "description", "id"];
            site.printer.list("security groups", &groups, head, row)
        }
        SecurityGroupCommand::Create(args) => create(args, site).await,
        SecurityGroupCommand::Inspect(which) => {
            show(&site.look().await?.security_group(&which.network, &which.group).await?, site)
        }
        SecurityGroupCommand::Clear { which, yes } => {
            site.confirm(&format!("remove all rules of {}?", which.group), &yes)?;
            change_rules(which, RuleChange::Clear, site).await
        }
        SecurityGroupCommand::Delete(args) => delete(args, site).await,
        SecurityGroupCommand::Bonds { which, kind } => {
            let bonds = site.look().await?.bonds(&which.network, &which.group, kind.into()).await?;
            site.printer.result(&bonds, || bonds_table(&bonds))
        }
        SecurityGroupCommand::Rule(RuleCommand::Add(args)) => {
            let change = RuleChange::Add(args.rule.request(args.description));
            change_rules(args.which, change, site).await
        }
        SecurityGroupCommand::Rule(RuleCommand::Delete(args)) => {
            let change = match args.ids.is_empty() {
                true => RuleChange::Remove(args.rule.request(String::new())),
                false => RuleChange::RemoveIds(args.ids),
            };
            change_rules(args.which, change, site).await
        }
        SecurityGroupCommand::Own(command) => label::run_of(command, site).await,
    }
}

async fn create(args: GroupCreate, site: &Site<'_>) -> Result<(), Error> {
    let name: Name = args.name.parse()?;
    let change = CreateSecurityGroup {
        network: args.network,
        name: name.clone(),
        description: args.description,
        labels: args.labels.labels()?,
    };
    let tenancy = site.open().await?;
    site.run(&tenancy, &change).await?;
    show(&tenancy.security_group(&change.network, name.as_str()).await?, site)
}

async fn delete(args: GroupDelete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question = format!("delete {}, and take them off whatever has them?", args.references.join(", "));
        site.confirm(&question, &args.yes)?;
    }
    let tenancy = site.open().await?;
    let change =
        DeleteSecurityGroups { network: args.network, references: args.references, force: args.force };
    site.run(&tenancy, &change).await?;
    site.printer.done()
}

async fn change_rules(which: Which, change: RuleChange, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let change = ChangeRules { network: which.network, group: which.group, change };
    site.run(&tenancy, &change).await?;
    show(&tenancy.security_group(&change.network, &change.group).await?, site)
}

pub(crate) async fn run_of_host(command: HostGroupCommand, site: &Site<'_>) -> Result<(), Error> {
    let bind = async |which: HostGroup, action| {
        let tenancy = site.open().await?;
        let change = BindHostGroup { host: which.host, group: which.group, action };
        site.run(&tenancy, &change).await?;
        site.printer.done()
    };
    match command {
        HostGroupCommand::Add { which, disabled } => bind(which, BindAction::Add { disabled }).await,
        HostGroupCommand::Remove(which) => bind(which, BindAction::Remove).await,
        HostGroupCommand::Enable(which) => bind(which, BindAction::Enable).await,
        HostGroupCommand::Disable(which) => bind(which, BindAction::Disable).await,
        HostGroupCommand::List { host, which } => {
            list_bound(site.look().await?.host_groups(&host, which.all).await?, &which, site)
        }
    }
}

pub(crate) async fn run_of_subnet(command: SubnetGroupCommand, site: &Site<'_>) -> Result<(), Error> {
    let bind = async |which: SubnetGroup, action| {
        let tenancy = site.open().await?;
        let change =
            BindSubnetGroup { network: which.network, subnet: which.subnet, group: which.group, action };
        site.run(&tenancy, &change).await?;
        site.printer.done()
    };
    match command {
        SubnetGroupCommand::Add { which, disabled } => bind(which, BindAction::Add { disabled }).await,
        SubnetGroupCommand::Remove(which) => bind(which, BindAction::Remove).await,
        SubnetGroupCommand::Enable(which) => bind(which, BindAction::Enable).await,
        SubnetGroupCommand::Disable(which) => bind(which, BindAction::Disable).await,
        SubnetGroupCommand::List { network, subnet, which } => {
            let groups = site.look().await?.subnet_groups(&network, &subnet, which.all).await?;
            list_bound(groups, &which, site)
        }
    }
}

fn list_bound(mut groups: Vec<HostGroupView>, which: &Bound, site: &Site<'_>) -> Result<(), Error> {
    groups.retain(|group| match which.state {
        BoundState::All => true,
        BoundState::Enabled => !group.disabled,
        BoundState::Disabled => group.disabled,
    });
    let head = ["network", "name", "state", "from", "id"];
    site.printer.list("security groups", &groups, head, |group| {
        [
            group.network.clone().unwrap_or_else(|| "-".to_owned()),
            group.name.clone(),
            state(group.disabled),
            group.origin.to_owned(),
            group.id.clone().unwrap_or_default(),
        ]
    })
}

fn state(disabled: bool) -> String {
    if disabled { "disabled" } else { "enabled" }.to_owned()
}

fn row(group: &SecurityGroupView) -> [String; 6] {
    [
        group.network.clone().unwrap_or_else(|| "-".to_owned()),
        printable(&group.name),
        group.rules.len().to_string(),
        group.status.to_owned(),
        printable(&group.description),
        group.id.clone().unwrap_or_default(),
    ]
}

/// A group and its rules below each other.
fn show(group: &SecurityGroupView, site: &Site<'_>) -> Result<(), Error> {
    site.printer.result(group, || {
        let head = SecurityGroupView { rules: Vec::new(), ..group.clone() };
        let facts = crate::details::details(&head);
        if group.rules.is_empty() {
            return facts;
        }
        let head = ["direction", "type", "protocol", "ports", "peer", "description", "id"];
        format!("{facts}\n\n{}", table(head, group.rules.iter().map(rule_row)))
    })
}

fn rule_row(rule: &RuleView) -> [String; 7] {
    let ports = match (rule.port_from, rule.port_to) {
        (Some(from), Some(to)) if from == to => from.to_string(),
        (Some(from), Some(to)) => format!("{from}-{to}"),
        _ => "all".to_owned(),
    };
    [
        rule.direction.to_owned(),
        rule.ip_version.to_owned(),
        rule.protocol.to_owned(),
        ports,
        printable(rule.cidr.as_deref().or(rule.group.as_deref()).unwrap_or_default()),
        printable(&rule.description),
        printable(&rule.id),
    ]
}

fn bonds_table(bonds: &BondsView) -> String {
    let row = |kind: &str, bond: &BondView| {
        let id = bond.id.clone().unwrap_or_default();
        [kind.to_owned(), bond.name.clone(), state(bond.disabled), id]
    };
    let hosts = bonds.hosts.iter().map(|bond| row("host", bond));
    let subnets = bonds.subnets.iter().map(|bond| row("subnet", bond));
    table(["kind", "name", "state", "id"], hosts.chain(subnets))
}
