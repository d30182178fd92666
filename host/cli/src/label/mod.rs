//! `skywright label …`, `skywright tag …`, and `label` and `tag` of each noun.

mod args;

use serde::Serialize;
use skywright_core::resource::{ChangeLabels, DeleteLabel, LabelEdit, LabelKind, LabelView};
use skywright_runtime::printable;

pub(crate) use args::{
    FilterArgs, LabelCommand, OnAddress, OnBucket, OnGroup, OnHost, OnNetwork, OnSubnet, OnVirtualIp,
    OnVolume, OwnCommand, TagCommand,
};

use args::{Labelled, OwnLabelCommand, OwnTagCommand};

use crate::error::Error;
use crate::site::Site;

/// A label of a resource.
#[derive(Serialize)]
struct OwnLabel {
    name: String,
    value: String,
}

pub(crate) async fn run(command: LabelCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        LabelCommand::List => list(LabelKind::Label, site).await,
        LabelCommand::Create { name, value } => {
            site.printer.details(&site.open().await?.create_label(LabelKind::Label, &name, value).await?)
        }
        LabelCommand::Inspect { name } => {
            site.printer.details(&site.look().await?.label(LabelKind::Label, &name).await?)
        }
        LabelCommand::Delete(args) => delete(LabelKind::Label, args, site).await,
    }
}

pub(crate) async fn run_tag(command: TagCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        TagCommand::List => list(LabelKind::Tag, site).await,
        TagCommand::Create { name } => {
            site.printer.details(&site.open().await?.create_label(LabelKind::Tag, &name, None).await?)
        }
        TagCommand::Inspect { name } => {
            site.printer.details(&site.look().await?.label(LabelKind::Tag, &name).await?)
        }
        TagCommand::Delete(args) => delete(LabelKind::Tag, args, site).await,
    }
}

async fn list(kind: LabelKind, site: &Site<'_>) -> Result<(), Error> {
    let labels = site.look().await?.labels(kind).await?;
    let head = ["name", "default value", "catalogued", "bound"];
    site.printer.list(&format!("{}s", kind.name()), &labels, head, |label: &LabelView| {
        [
            printable(&label.name),
            printable(label.default_value.as_deref().unwrap_or_default()),
            if label.catalogued { "yes" } else { "no" }.to_owned(),
            label.resources.len().to_string(),
        ]
    })
}

async fn delete(kind: LabelKind, args: args::Delete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question = format!("delete {}, and take them off whatever has them?", args.names.join(", "));
        site.confirm(&question, &args.yes)?;
    }
    let tenancy = site.open().await?;
    for name in args.names {
        site.run(&tenancy, &DeleteLabel { kind, name, force: args.force }).await?;
    }
    site.printer.done()
}

/// The labels and tags of one resource, of whatever kind.
pub(crate) async fn run_of<P: Labelled>(command: OwnCommand<P>, site: &Site<'_>) -> Result<(), Error> {
    match command {
        OwnCommand::Label(command) => labels(command, site).await,
        OwnCommand::Tag(command) => tags(command, site).await,
    }
}

async fn labels<P: Labelled>(command: OwnLabelCommand<P>, site: &Site<'_>) -> Result<(), Error> {
    let (at, edit) = match command {
        OwnLabelCommand::List { at } => {
            let labels = site.look().await?.labels_of(P::KIND, &at.path()).await?.0;
            let labels: Vec<_> = labels.into_iter().map(|(name, value)| OwnLabel { name, value }).collect();
            return site.printer.list("labels", &labels, ["name", "value"], |label| {
                [printable(&label.name), printable(&label.value)]
            });
        }
        OwnLabelCommand::Bind { at, name, value } => (at, LabelEdit::Bind { name, value }),
        OwnLabelCommand::Unbind { at, name } => (at, LabelEdit::Unbind { name }),
        OwnLabelCommand::Update { at, name, value } => (at, LabelEdit::Update { name, value }),
        OwnLabelCommand::Reset { at, name } => (at, LabelEdit::Reset { name }),
    };
    change(&at, edit, site).await
}

async fn tags<P: Labelled>(command: OwnTagCommand<P>, site: &Site<'_>) -> Result<(), Error> {
    let (at, edit) = match command {
        OwnTagCommand::List { at } => {
            let tags = site.look().await?.labels_of(P::KIND, &at.path()).await?.1;
            let tags: Vec<_> = tags.into_iter().collect();
            return site.printer.list("tags", &tags, ["name"], |tag| [printable(tag)]);
        }
        OwnTagCommand::Bind { at, name } => (at, LabelEdit::BindTag { name }),
        OwnTagCommand::Unbind { at, name } => (at, LabelEdit::UnbindTag { name }),
    };
    change(&at, edit, site).await
}

async fn change<P: Labelled>(at: &P, edit: LabelEdit, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let change = ChangeLabels { kind: P::KIND, path: at.path(), edits: vec![edit] };
    site.run(&tenancy, &change).await?;
    site.printer.done()
}
