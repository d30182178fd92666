//! `object-storage`: buckets, and how the host reaches what is in them.

use skywright_runtime::provider::object_storage::Protocol;

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;

pub(super) const CHECKS: &[Check] = &[
    check!("object-storage", "access", access, "the host is told how to reach objects"),
    check!(
        "object-storage",
        "life-cycle",
        life_cycle,
        "a bucket is made, the same one again, and deleted twice"
    ),
];

async fn access(context: &Context) -> Result<(), Failure> {
    context.needs("object-storage")?;
    for renew in [false, true] {
        let plane = context.ask("object-storage.access", |p| p.object_access(renew)).await?;
        if plane.protocol == Protocol::Local {
            // A folder, which the host knows; there is nobody to show credentials to.
            same("the endpoint of objects", &"machines", &plane.endpoint.as_str())?;
            continue;
        }
        let is_url = plane.endpoint.starts_with("https://") || plane.endpoint.starts_with("http://");
        expect(is_url, "the endpoint of objects", "a URL", &plane.endpoint)?;
        expect(!plane.credentials.is_empty(), "the credentials of objects", "one at least", "none")?;
    }
    Ok(())
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    context.needs("object-storage")?;
    let name = context.name("bucket");
    context.ledger.note(Kind::Bucket, &name);
    for _ in 0..2 {
        let bucket = context.ask("object-storage.create", |p| p.create_bucket(&name)).await?;
        same("the name of a bucket", &name, &bucket.name)?;
    }
    let listed = listing::buckets(context, context.provider()).await?;
    let times = listed.iter().filter(|bucket| bucket.name == name).count();
    same("how often object-storage.list has it", &1, &times)?;
    for _ in 0..2 {
        context.ask("object-storage.delete", |p| p.delete_bucket(&name)).await?;
    }
    let listed = listing::buckets(context, context.provider()).await?;
    let left = listed.iter().any(|bucket| bucket.name == name);
    expect(!left, "object-storage.list after the delete", "without it", "with it")
}
