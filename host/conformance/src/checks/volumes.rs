//! `volumes`: disks of their own life.

use skywright_runtime::provider::volumes::{Speed, State, Volume, VolumeSpec};
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
    check!("volumes", "life-cycle", life_cycle, "a volume is made, read, listed and deleted twice"),
    check!("volumes", "again", again, "a create that is asked for again makes no second volume"),
    check!("volumes", "tags", tags, "tags are set, found by and replaced"),
    check!("volumes", "extend", extend, "a volume is made larger; one that has the size is done"),
    check!("volumes", "attach", attach, "a volume is attached, is in use, and detached"),
    check!("volumes", "abandon", abandon, "an intent is abandoned, whole or not there"),
    check!("volumes", "unknown", unknown, "an unknown volume is not found, and its delete is done"),
];

pub(crate) struct VolumeResource;

impl Resource for VolumeResource {
    const KIND: Kind = Kind::Volume;
    const GET: &'static str = "volumes.get";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        let spec = VolumeSpec {
            intent: intent.clone(),
            name: intent.key.clone(),
            size_gib: 1,
            speed: Speed::Hdd,
            zone: None,
            tags: context.tags(&[]),
        };
        context.change("volumes.create", |p| p.create_volume(&spec)).await
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        get(context, id).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::volumes(context, context.provider(), tags).await?;
        Ok(all.into_iter().map(thing).collect())
    }

    async fn set_tags(context: &Context, id: &str, tags: &[KeyValue]) -> Result<(), Failure> {
        context.ask("volumes.set-tags", |p| p.set_volume_tags(id, tags)).await
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.change("volumes.delete", |p| p.delete_volume(id)).await.map(drop)
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.change("volumes.abandon", |p| p.abandon_volume(key)).await.map(drop)
    }

    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        context.refused(Self::GET, NOT_FOUND, |p| p.get_volume(id)).await.map(drop)
    }
}

fn thing(from: Volume) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

async fn get(context: &Context, id: &str) -> Result<Volume, Failure> {
    context.ask("volumes.get", |p| p.get_volume(id)).await
}

async fn create(context: &Context, label: &str) -> Result<String, Failure> {
    context.needs("volumes")?;
    VolumeResource::create(context, &context.intent(Kind::Volume, label)).await
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    let id = create(context, "volume").await?;
    let volume = get(context, &id).await?;
    same("the id of a volume", &id, &volume.id)?;
    same("its name", &context.name("volume"), &volume.name)?;
    same("its size", &1, &volume.size_gib)?;
    same("its state", &State::Available, &volume.state)?;
    same("its intent", &Some(context.name("volume")), &volume.intent)?;
    same("its tags", &resource::sorted(&context.tags(&[])), &resource::sorted(&volume.tags))?;
    expect(volume.attachments.is_empty(), "its attachments", "none", &volume.attachments)?;
    let listed = VolumeResource::list(context, &context.tags(&[])).await?;
    expect(listed.iter().any(|thing| thing.id == id), "volumes.list by tag", "with it", &listed)?;
    resource::delete_twice::<VolumeResource>(context, &id).await
}

async fn again(context: &Context) -> Result<(), Failure> {
    context.needs("volumes")?;
    resource::again::<VolumeResource>(context, "volume-again").await
}

async fn tags(context: &Context) -> Result<(), Failure> {
    let id = create(context, "volume-tags").await?;
    resource::tags::<VolumeResource>(context, &id, &context.name("volume-tags")).await?;
    VolumeResource::delete(context, &id).await
}

async fn extend(context: &Context) -> Result<(), Failure> {
    let id = create(context, "volume-extend").await?;
    for _ in 0..2 {
        context.change("volumes.extend", |p| p.extend_volume(&id, 2)).await?;
        same("the size of a volume after it was made larger", &2, &get(context, &id).await?.size_gib)?;
    }
    VolumeResource::delete(context, &id).await
}

async fn attach(context: &Context) -> Result<(), Failure> {
    context.needs("volumes")?;
    let host = context.host().await?;
    let id = create(context, "volume-attach").await?;
    for _ in 0..2 {
        context.change("volumes.attach", |p| p.attach_volume(&id, host)).await?;
    }
    let volume = get(context, &id).await?;
    let hosts: Vec<_> = volume.attachments.iter().map(|a| a.host.clone()).collect();
    same("the hosts of an attached volume", &vec![host.to_owned()], &hosts)?;
    same("the state of an attached volume", &State::Attached, &volume.state)?;
    context.refused("volumes.delete", IN_USE, |p| p.delete_volume(&id)).await?;
    for _ in 0..2 {
        context.change("volumes.detach", |p| p.detach_volume(&id, host)).await?;
    }
    let volume = get(context, &id).await?;
    same("the state of a detached volume", &State::Available, &volume.state)?;
    expect(volume.attachments.is_empty(), "its attachments", "none", &volume.attachments)?;
    let nobody = unlike(host);
    context.refused("volumes.attach", BAD_ID, |p| p.attach_volume(&id, &nobody)).await?;
    VolumeResource::delete(context, &id).await
}

async fn abandon(context: &Context) -> Result<(), Failure> {
    context.needs("volumes")?;
    resource::abandon::<VolumeResource>(context, "volume-abandon").await
}

async fn unknown(context: &Context) -> Result<(), Failure> {
    let id = create(context, "volume-unknown").await?;
    resource::unknown::<VolumeResource>(context, &id).await?;
    let other = unlike(&id);
    context.refused("volumes.extend", NOT_FOUND, |p| p.extend_volume(&other, 2)).await?;
    VolumeResource::delete(context, &id).await
}
