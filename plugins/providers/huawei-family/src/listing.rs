//! Listings of VPC v1: pages by `limit` and `marker`, which is the last id. There are no links.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use skywright_sdk::Page;
use skywright_sdk::prelude::*;

/// The most pages that are read in one go.
const MOST_PAGES: usize = 1000;

/// Something with an id.
pub(crate) trait Item: DeserializeOwned {
    /// What several are called, in the path and in the body.
    const MANY: &'static str;

    /// Its id, as markers have it.
    fn id(&self) -> &str;
}

/// A page.
pub(crate) fn page<T: Item>(
    client: &Client,
    query: &[(&str, &str)],
    cursor: Option<&str>,
) -> Result<Page<T>, Error> {
    let limit = skywright_openstack_family::page_size()?;
    let call = client.get(&format!("/{}", T::MANY)).query("limit", limit).query_if("marker", cursor);
    let call = query.iter().fold(call, |call, (name, value)| call.query(name, value));
    let mut body: Map<String, Value> = call.json()?;
    let items = body.remove(T::MANY).unwrap_or_default();
    let items: Vec<T> = serde_json::from_value(items).map_err(|error| {
        let message = format!("the list of {} is not as it is documented: {error}", T::MANY);
        Error::new(Category::Internal, "unexpected-answer", message)
    })?;
    let is_full = i64::try_from(items.len()).is_ok_and(|count| count >= limit);
    let next = items.last().filter(|_| is_full).map(|last| last.id().to_owned());
    if next.is_some() && next.as_deref() == cursor {
        let message = "a page of the listing names itself as the following one";
        return Err(Error::new(Category::Internal, "endless-listing", message));
    }
    Ok(Page { items, next })
}

/// All of them.
pub(crate) fn all<T: Item>(client: &Client, query: &[(&str, &str)]) -> Result<Vec<T>, Error> {
    let (mut items, mut cursor) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let page = page::<T>(client, query, cursor.as_deref())?;
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(items);
        }
    }
    Err(Error::new(Category::Internal, "endless-listing", "the listing does not end"))
}

/// `None` for what is not there.
pub(crate) fn unless_gone<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.category == Category::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
