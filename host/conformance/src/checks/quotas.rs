//! `quotas`: how much the tenant may have.

use std::collections::BTreeSet;

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect};

pub(super) const CHECKS: &[Check] =
    &[check!("quotas", "list", list, "quotas are listed, each resource once")];

async fn list(context: &Context) -> Result<(), Failure> {
    context.needs("quotas")?;
    let quotas = context.ask("quotas.list", |p| p.list_quotas()).await?;
    expect(!quotas.is_empty(), "quotas.list", "one at least", "none")?;
    let mut resources = BTreeSet::new();
    for quota in &quotas {
        let well_formed = !quota.resource.is_empty()
            && quota.resource.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        expect(well_formed, "a quota's resource", "a word of `[a-z0-9-]`", &quota.resource)?;
        expect(resources.insert(&quota.resource), "a quota's resource", "each once", &quota.resource)?;
    }
    Ok(())
}
