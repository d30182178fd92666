//! The links with which Nova and Neutron say where the following page is.

use serde::Deserialize;
use skywright_sdk::{Next, url};

/// One of `…_links`.
#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    rel: String,
    href: String,
}

/// The marker of the following page.
pub(crate) fn marker(links: &[Link]) -> Option<Next> {
    let link = links.iter().find(|link| link.rel == "next")?;
    url::query_parameter(&link.href, "marker").map(Next::Marker)
}
