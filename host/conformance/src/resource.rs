//! What holds for everything that can be made, whatever it is.

use std::future::Future;

use skywright_contract::Category;
use skywright_runtime::provider::{Intent, KeyValue};

use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::name::unlike;

/// What every resource has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) intent: Option<String>,
    pub(crate) tags: Vec<KeyValue>,
}

/// A kind of resource, and how the contract makes, finds and removes one.
pub(crate) trait Resource {
    const KIND: Kind;
    /// The contract's name of the function that reads one.
    const GET: &'static str;

    /// Makes the least of its kind, tagged as the run's; its id.
    fn create(context: &Context, intent: &Intent) -> impl Future<Output = Result<String, Failure>> + Send;
    /// Reads one.
    fn get(context: &Context, id: &str) -> impl Future<Output = Result<Thing, Failure>> + Send;
    /// Those that have these tags, of those that checks may have made.
    fn list(context: &Context, tags: &[KeyValue])
    -> impl Future<Output = Result<Vec<Thing>, Failure>> + Send;
    /// Replaces the tags.
    fn set_tags(
        context: &Context,
        id: &str,
        tags: &[KeyValue],
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Deletes one, and waits.
    fn delete(context: &Context, id: &str) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Abandons an intent, and waits.
    fn abandon(context: &Context, key: &str) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Reads what is not there.
    fn refuse_get(context: &Context, id: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Those of all that carry an intent.
pub(crate) async fn by_intent<R: Resource>(context: &Context, key: &str) -> Result<Vec<Thing>, Failure> {
    let all = R::list(context, &[]).await?;
    Ok(all.into_iter().filter(|thing| thing.intent.as_deref() == Some(key)).collect())
}

/// A create that is asked for again gives the same one and makes no second.
pub(crate) async fn again<R: Resource>(context: &Context, label: &str) -> Result<(), Failure> {
    let intent = context.intent(R::KIND, label);
    let first = R::create(context, &intent).await?;
    let second = R::create(context, &Intent { again: true, ..intent.clone() }).await?;
    same("the id of a create that is asked for again", &first, &second)?;
    let found = by_intent::<R>(context, &intent.key).await?;
    let ids: Vec<_> = found.iter().map(|thing| thing.id.clone()).collect();
    same("what carries the intent of a create that was asked for twice", &vec![first.clone()], &ids)?;
    // And one that the host believes to have been asked for before, of which nothing is there.
    let fresh = Intent { again: true, ..context.intent(R::KIND, &format!("{label}-lost")) };
    let third = R::create(context, &fresh).await?;
    expect(third != first, "the id of another intent", "another id", &third)?;
    R::delete(context, &third).await?;
    R::delete(context, &first).await
}

/// Tags are set, found by and replaced; the intent stays.
pub(crate) async fn tags<R: Resource>(context: &Context, id: &str, key: &str) -> Result<(), Failure> {
    let before = context.tags(&[("cf-colour", "blue"), ("cf-size", "small")]);
    R::set_tags(context, id, &before).await?;
    same("tags that were set", &sorted(&before), &sorted(&R::get(context, id).await?.tags))?;
    let after = context.tags(&[("cf-colour", "green")]);
    R::set_tags(context, id, &after).await?;
    let thing = R::get(context, id).await?;
    same("tags that were replaced", &sorted(&after), &sorted(&thing.tags))?;
    same("the intent after its tags were replaced", &Some(key.to_owned()), &thing.intent)?;
    for (tags, there) in [(&after, true), (&before, false)] {
        let found = R::list(context, tags).await?.iter().any(|thing| thing.id == id);
        expect(found == there, format!("a listing by {tags:?}"), yes_or_no(there), yes_or_no(found))?;
    }
    Ok(())
}

fn yes_or_no(there: bool) -> &'static str {
    if there { "it is in it" } else { "it is not in it" }
}

/// A delete, and another of the same; then it is not found.
pub(crate) async fn delete_twice<R: Resource>(context: &Context, id: &str) -> Result<(), Failure> {
    R::delete(context, id).await?;
    R::delete(context, id).await?;
    R::refuse_get(context, id).await?;
    let left = R::list(context, &[]).await?.iter().any(|thing| thing.id == id);
    expect(!left, "a listing after the delete", "it is not in it", "it is")
}

/// What carries an intent is taken away; then nothing, and nothing of an intent that never was.
pub(crate) async fn abandon<R: Resource>(context: &Context, label: &str) -> Result<(), Failure> {
    let intent = context.intent(R::KIND, label);
    let id = R::create(context, &intent).await?;
    R::abandon(context, &intent.key).await?;
    let left = by_intent::<R>(context, &intent.key).await?;
    expect(left.is_empty(), "what carries an abandoned intent", "nothing", &left)?;
    R::refuse_get(context, &id).await?;
    R::abandon(context, &intent.key).await?;
    R::abandon(context, &context.name(&format!("{label}-never"))).await
}

/// What is not there is not found, and deleting it is done.
pub(crate) async fn unknown<R: Resource>(context: &Context, id: &str) -> Result<(), Failure> {
    let other = unlike(id);
    R::refuse_get(context, &other).await?;
    R::delete(context, &other).await
}

/// The category of what is not there.
pub(crate) const NOT_FOUND: &[Category] = &[Category::NotFound];
pub(crate) const IN_USE: &[Category] = &[Category::InUse];
/// Of an id that the cloud may not even understand.
pub(crate) const BAD_ID: &[Category] = &[Category::NotFound, Category::InvalidRequest];
pub(crate) const UNSUPPORTED: &[Category] = &[Category::Unsupported];

/// Tags in an order of their own: the contract has none.
pub(crate) fn sorted(tags: &[KeyValue]) -> Vec<(String, String)> {
    let mut tags: Vec<_> = tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    tags.sort();
    tags
}
