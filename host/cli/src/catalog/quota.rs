//! `skywright quota …`.

use serde::Serialize;

use super::QuotaCommand;
use crate::error::Error;
use crate::site::Site;

#[derive(Serialize)]
struct QuotaView {
    resource: String,
    used: u64,
    /// `null` for none.
    limit: Option<u64>,
}

pub(crate) async fn run(command: QuotaCommand, site: &Site<'_>) -> Result<(), Error> {
    let QuotaCommand::List = command;
    let quotas = site.open().await?.cloud().ask(|p| p.list_quotas()).await?;
    let view = |quota: skywright_runtime::provider::quotas::Quota| QuotaView {
        resource: quota.resource,
        used: quota.used,
        limit: quota.limit,
    };
    let views: Vec<_> = quotas.into_iter().map(view).collect();
    site.printer.list("quotas", &views, ["resource", "used", "limit"], |quota| {
        let limit = quota.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        [quota.resource.clone(), quota.used.to_string(), limit]
    })
}
