//! `keypairs`: public keys by name.

use skywright_contract::Category;
use skywright_runtime::provider::keypairs::Keypair;

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;

pub(super) const CHECKS: &[Check] = &[
    check!("keypairs", "life-cycle", life_cycle, "a key is imported, listed once and deleted twice"),
    check!(
        "keypairs",
        "same-name",
        same_name,
        "the same key under its name is the one, another key is refused"
    ),
];

async fn import(context: &Context, label: &str) -> Result<Keypair, Failure> {
    let name = context.name(label);
    context.ledger.note(Kind::Keypair, &name);
    let key = context.options.name.public_key(label);
    context.ask("keypairs.import", |p| p.import_keypair(&name, &key)).await
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    context.needs("keypairs")?;
    let keypair = import(context, "key").await?;
    same("the name of a keypair", &context.name("key"), &keypair.name)?;
    let key = context.options.name.public_key("key");
    // The comment is the client's own; a cloud may keep it or not.
    let words = |key: &str| key.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    same("the public key", &words(&key), &words(&keypair.public_key))?;
    expect(!keypair.fingerprint.is_empty(), "the fingerprint", "a text", "none")?;
    let listed = listing::keypairs(context, context.provider()).await?;
    let listed: Vec<_> = listed.iter().filter(|other| other.name == keypair.name).collect();
    expect(listed.len() == 1 && listed[0].id == keypair.id, "keypairs.list", "the key once", &listed)?;
    for _ in 0..2 {
        context.ask("keypairs.delete", |p| p.delete_keypair(&keypair.id)).await?;
    }
    let left = listing::keypairs(context, context.provider()).await?;
    let left = left.iter().any(|other| other.id == keypair.id);
    expect(!left, "keypairs.list after the delete", "without it", "with it")
}

async fn same_name(context: &Context) -> Result<(), Failure> {
    context.needs("keypairs")?;
    let first = import(context, "same").await?;
    let second = import(context, "same").await?;
    same("the id of the same key under the same name", &first.id, &second.id)?;
    let (name, other) = (context.name("same"), context.options.name.public_key("other"));
    let refused = [Category::AlreadyExists];
    context.refused("keypairs.import", &refused, |p| p.import_keypair(&name, &other)).await?;
    context.ask("keypairs.delete", |p| p.delete_keypair(&first.id)).await
}
