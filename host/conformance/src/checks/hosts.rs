//! `hosts`: machines. They take long and cost money, so that most checks share one.

use skywright_contract::Category;
use skywright_runtime::provider::hosts::{Host, HostSpec, Nic, State};
use skywright_runtime::provider::{Intent, KeyValue};

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;
use crate::name::unlike;
use crate::resource::{self, BAD_ID, IN_USE, NOT_FOUND, Resource, Thing};

pub(super) const CHECKS: &[Check] = &[
    check!("hosts", "create", create_and_read, "a host is made, runs, is read and listed"),
    check!("hosts", "again", again, "a create that is asked for again makes no second host"),
    check!("hosts", "tags", tags, "tags are set, found by and replaced"),
    check!("hosts", "power", power, "a host is stopped, started and restarted; what is so already is done"),
    check!("hosts", "console", console, "the console has at most as many lines as are asked for"),
    check!("hosts", "resize", resize, "a host gets another template and runs with it"),
    check!("hosts", "subnet-in-use", subnet_in_use, "a subnet with a host is in use"),
    check!("hosts", "bad-spec", bad_spec, "templates, images and subnets that are not there are refused"),
    check!("hosts", "unknown", unknown, "an unknown host is not found, and its delete is done"),
    check!("hosts", "poll-after-restart", poll_after_restart, "another process polls what one began"),
    check!(
        "hosts",
        "abandon",
        abandon,
        "an intent is abandoned at once after its create, and when not there"
    ),
];

/// Run when all that need the shared host are over.
pub(super) const LAST: &[Check] =
    &[check!("hosts", "delete", delete, "a host is deleted twice, with what its create made")];

/// A script, which every image runs: those without cloud-init know nothing else.
const USER_DATA: &[u8] = b"#!/bin/sh\nexit 0\n";

pub(crate) struct HostResource;

impl Resource for HostResource {
    const KIND: Kind = Kind::Host;
    const GET: &'static str = "hosts.get";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        let spec = HostSpec { intent: intent.clone(), ..spec_of(context, intent).await? };
        create(context, &spec).await
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        context.ask(Self::GET, |p| p.get_host(id)).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::hosts(context, context.provider(), tags).await?;
        let there = |host: &Host| host.state != State::Deleted;
        Ok(all.into_iter().filter(there).map(thing).collect())
    }

    async fn set_tags(context: &Context, id: &str, tags: &[KeyValue]) -> Result<(), Failure> {
        context.ask("hosts.set-tags", |p| p.set_host_tags(id, tags)).await
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.change("hosts.delete", |p| p.delete_host(id)).await.map(drop)
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.change("hosts.abandon", |p| p.abandon_host(key)).await.map(drop)
    }

    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        context.refused(Self::GET, NOT_FOUND, |p| p.get_host(id)).await.map(drop)
    }
}

fn thing(from: Host) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

/// A host of the run on its routed subnet, and written down.
pub(crate) async fn spec(context: &Context, label: &str) -> Result<HostSpec, Failure> {
    spec_of(context, &context.intent(Kind::Host, label)).await
}

async fn spec_of(context: &Context, intent: &Intent) -> Result<HostSpec, Failure> {
    let machine = context.machine().await?;
    let nics = if context.has("networks") { vec![nic(context.subnet().await?)] } else { Vec::new() };
    Ok(HostSpec {
        intent: intent.clone(),
        name: intent.key.clone(),
        template: machine.template.id.clone(),
        image: machine.image.id.clone(),
        zone: None,
        keypair: None,
        nics,
        public_address: false,
        security_groups: Vec::new(),
        boot_disk_gib: (machine.template.disk_gib == 0).then(|| machine.image.min_disk_gib.max(1)),
        user_data: USER_DATA.to_vec(),
        tags: context.tags(&[]),
    })
}

pub(super) fn nic(subnet: &str) -> Nic {
    Nic { subnet: subnet.to_owned(), fixed_address: None, allowed_addresses: Vec::new(), forwards: false }
}

/// Makes it and waits until it runs.
pub(crate) async fn create(context: &Context, spec: &HostSpec) -> Result<String, Failure> {
    context.change("hosts.create", |p| p.create_host(spec)).await
}

pub(super) async fn get(context: &Context, id: &str) -> Result<Host, Failure> {
    context.ask("hosts.get", |p| p.get_host(id)).await
}

async fn is_in(context: &Context, id: &str, after: &str, state: State) -> Result<(), Failure> {
    let host = get(context, id).await?;
    same(format!("the state of a host after {after}"), &state, &host.state)
}

async fn create_and_read(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    let host = get(context, id).await?;
    let machine = context.machine().await?;
    same("the id of a host", &id.to_owned(), &host.id)?;
    same("its name", &context.name("host"), &host.name)?;
    same("its state", &State::Running, &host.state)?;
    same("its intent", &Some(context.name("host")), &host.intent)?;
    same("its tags", &resource::sorted(&context.tags(&[])), &resource::sorted(&host.tags))?;
    let template = [&machine.template.id, &machine.template.name].contains(&&host.template);
    expect(template, "its template", &machine.template.id, &host.template)?;
    let image = host.image.as_ref().is_none_or(|image| *image == machine.image.id);
    expect(image, "its image", &machine.image.id, &host.image)?;
    if context.has("networks") {
        let subnet = context.subnet().await?;
        let inside = host.addresses.iter().any(|a| a.subnet.as_deref() == Some(subnet) && !a.public);
        expect(inside, "its addresses", format!("one in the subnet `{subnet}`"), &host.addresses)?;
        let public = host.addresses.iter().any(|address| address.public);
        expect(!public, "its addresses", "no public one, as none was asked for", &host.addresses)?;
    }
    let listed = HostResource::list(context, &context.tags(&[])).await?;
    expect(listed.iter().any(|thing| thing.id == id), "hosts.list by tag", "with it", &listed)
}

async fn again(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    let key = context.name("host");
    let spec = spec(context, "host").await?;
    let spec = HostSpec { intent: Intent { key: key.clone(), again: true }, ..spec };
    let second = create(context, &spec).await?;
    same("the id of a create that is asked for again", &id.to_owned(), &second)?;
    let found = resource::by_intent::<HostResource>(context, &key).await?;
    let ids: Vec<_> = found.into_iter().map(|thing| thing.id).collect();
    same("what carries the intent of a create that was asked for twice", &vec![id.to_owned()], &ids)
}

async fn tags(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    resource::tags::<HostResource>(context, id, &context.name("host")).await
}

async fn power(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    context.change("hosts.start", |p| p.start_host(id)).await?;
    is_in(context, id, "a start while it runs", State::Running).await?;
    for force in [false, true] {
        context.change("hosts.stop", |p| p.stop_host(id, force)).await?;
        is_in(context, id, "a stop", State::Stopped).await?;
    }
    for _ in 0..2 {
        context.change("hosts.start", |p| p.start_host(id)).await?;
        is_in(context, id, "a start", State::Running).await?;
    }
    for force in [false, true] {
        context.change("hosts.reboot", |p| p.reboot_host(id, force)).await?;
        is_in(context, id, "a restart", State::Running).await?;
    }
    Ok(())
}

async fn console(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    let text = context.ask("hosts.console", |p| p.host_console(id, 3)).await?;
    expect(text.lines().count() <= 3, "hosts.console of 3 lines", "3 lines at most", text.lines().count())
}

async fn resize(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    if !context.capabilities().await?.resize {
        return Err(Failure::skip("the provider declares no resize"));
    }
    let Some(larger) = &context.machine().await?.larger else {
        return Err(Failure::skip("there is no larger template that the image fits on"));
    };
    let id = context.host().await?;
    for _ in 0..2 {
        context.change("hosts.resize", |p| p.resize_host(id, &larger.id)).await?;
        let host = get(context, id).await?;
        same("the state of a host after a resize", &State::Running, &host.state)?;
        let template = [&larger.id, &larger.name].contains(&&host.template);
        expect(template, "its template after a resize", &larger.id, &host.template)?;
    }
    let other = unlike(&larger.id);
    context.refused("hosts.resize", BAD_ID, |p| p.resize_host(id, &other)).await.map(drop)
}

async fn subnet_in_use(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    context.host().await?;
    let subnet = context.subnet().await?;
    let deleted = context.ask("networks.delete-subnet", |p| p.delete_subnet(subnet)).await;
    // A provider may see it at once, or on the way.
    let end = match deleted {
        Ok(outcome) => context.finish("networks.delete-subnet", outcome).await.map(drop),
        Err(failure) => Err(failure),
    };
    match end {
        Err(Failure::Call { source, .. }) if source.category() == IN_USE[0] => Ok(()),
        Err(Failure::Call { function, source }) => {
            Err(Failure::OtherError { function, expected: "in-use".to_owned(), source })
        }
        Err(failure) => Err(failure),
        Ok(()) => Err(Failure::NoError { function: "networks.delete-subnet", expected: "in-use".to_owned() }),
    }?;
    let still = context.ask("networks.get-subnet", |p| p.get_subnet(subnet)).await?;
    expect(still.routed, "a subnet whose delete was refused", "routed as before", still.routed)
}

async fn bad_spec(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    let good = spec(context, "host-bad").await?;
    let template = HostSpec { template: unlike(&good.template), ..good.clone() };
    context.refused("hosts.create", BAD_ID, |p| p.create_host(&template)).await?;
    let image = HostSpec { image: unlike(&good.image), ..good.clone() };
    context.refused("hosts.create", BAD_ID, |p| p.create_host(&image)).await?;
    if let Some(first) = good.nics.first() {
        let subnet = HostSpec { nics: vec![nic(&unlike(&first.subnet))], ..good.clone() };
        context.refused("hosts.create", BAD_ID, |p| p.create_host(&subnet)).await?;
    }
    let limit = usize::try_from(context.capabilities().await?.user_data_limit_bytes).unwrap_or(usize::MAX);
    let long = HostSpec { user_data: vec![b'#'; limit.saturating_add(1)], ..good };
    context.refused("hosts.create", &[Category::InvalidRequest], |p| p.create_host(&long)).await?;
    let left = resource::by_intent::<HostResource>(context, &context.name("host-bad")).await?;
    expect(left.is_empty(), "what refused creates left", "nothing", &left)
}

async fn unknown(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    resource::unknown::<HostResource>(context, id).await?;
    let other = unlike(id);
    context.refused("hosts.start", NOT_FOUND, |p| p.start_host(&other)).await?;
    context.refused("hosts.stop", NOT_FOUND, |p| p.stop_host(&other, false)).await?;
    context.refused("hosts.reboot", NOT_FOUND, |p| p.reboot_host(&other, false)).await?;
    context.refused("hosts.console", NOT_FOUND, |p| p.host_console(&other, 1)).await?;
    context.refused("hosts.set-tags", NOT_FOUND, |p| p.set_host_tags(&other, &[])).await.map(drop)
}

async fn poll_after_restart(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    let spec = spec(context, "host-restart").await?;
    let outcome = context.ask("hosts.create", |p| p.create_host(&spec)).await?;
    let id = context.finish_across_restarts("hosts.create", outcome).await?;
    is_in(context, &id, "a create", State::Running).await?;
    let outcome = context.ask("hosts.delete", |p| p.delete_host(&id)).await?;
    context.finish_across_restarts("hosts.delete", outcome).await?;
    HostResource::refuse_get(context, &id).await
}

/// As a host does that was killed right after it asked.
async fn abandon(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    let spec = spec(context, "host-abandon").await?;
    context.ask("hosts.create", |p| p.create_host(&spec)).await?;
    HostResource::abandon(context, &spec.intent.key).await?;
    let left = resource::by_intent::<HostResource>(context, &spec.intent.key).await?;
    expect(left.is_empty(), "what carries an abandoned intent", "nothing", &left)?;
    HostResource::abandon(context, &spec.intent.key).await?;
    HostResource::abandon(context, &context.name("host-never")).await
}

async fn delete(context: &Context) -> Result<(), Failure> {
    let id = context.host().await?;
    resource::delete_twice::<HostResource>(context, id).await
}
