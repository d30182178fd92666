//! Listings that come in pages.

use serde::de::DeserializeOwned;

use crate::url::split_origin;
use crate::{Category, Client, Error};

/// The most pages that are read in one go: a cloud that never ends is not followed for ever.
const MOST_PAGES: usize = 1000;

/// Where the following page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The same address with this as its `marker` (or [`Pages::marker`]).
    Marker(String),
    /// A link. Its origin is not followed: behind a proxy many clouds give the wrong one.
    Link(String),
}

/// One answer of a listing, as the cloud writes it.
pub trait Listing: DeserializeOwned {
    /// What is listed.
    type Item;

    /// Where the following page is; `None` on the last.
    fn next(&self) -> Option<Next>;

    /// What is on this page.
    fn into_items(self) -> Vec<Self::Item>;
}

/// A page for the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// To be handed back for the following one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of something else, without what is `None`.
    pub fn filter_map<U>(self, convert: impl FnMut(T) -> Option<U>) -> Page<U> {
        Page { items: self.items.into_iter().filter_map(convert).collect(), next: self.next }
    }
}

/// A listing that is being asked for.
#[derive(Debug, Clone)]
#[must_use = "a listing is not read until a page is asked for"]
pub struct Pages<'a> {
    client: &'a Client,
    path: String,
    parameters: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    marker: String,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(client: &'a Client, path: &str) -> Self {
        let (parameters, headers) = (Vec::new(), Vec::new());
        Self { client, path: path.to_owned(), parameters, headers, marker: "marker".to_owned() }
    }

    /// With a parameter on every page, such as the limit.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.parameters.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a header on every page.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The name of the parameter that carries a marker, if it is not `marker`.
    pub fn marker(mut self, name: &str) -> Self {
        name.clone_into(&mut self.marker);
        self
    }

    /// The page at a cursor: `None`, or what an earlier page gave as its `next`.
    ///
    /// # Errors
    ///
    /// Those of the exchange, and `endless-listing` if a page names itself as the following one.
    pub fn page<L: Listing>(&self, cursor: Option<&str>) -> Result<Page<L::Item>, Error> {
        let link = cursor.filter(|cursor| cursor.starts_with('/'));
        let mut call = match link {
            Some(link) => {
                let origin = split_origin(self.client.base()).map_or("", |(origin, _)| origin);
                self.client.get(&format!("{origin}{link}"))
            }
            None => {
                let call = self.client.get(&self.path);
                let call = self.parameters.iter().fold(call, |call, (name, value)| call.query(name, value));
                call.query_if(&self.marker, cursor.map(|cursor| cursor.strip_prefix('=').unwrap_or(cursor)))
            }
        };
        for (name, value) in &self.headers {
            call = call.header(name, value.clone());
        }
        let listing: L = call.json()?;
        let next = listing.next().map(cursor_of);
        if next.is_some() && next.as_deref() == cursor {
            let message = "a page of the listing names itself as the following one";
            return Err(Error::new(Category::Internal, "endless-listing", message));
        }
        Ok(Page { items: listing.into_items(), next })
    }

    /// Everything. For what is known to be short.
    ///
    /// # Errors
    ///
    /// As [`page`](Self::page), and `endless-listing` after a thousand pages.
    pub fn all<L: Listing>(&self) -> Result<Vec<L::Item>, Error> {
        let mut items = Vec::new();
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let page = self.page::<L>(cursor.as_deref())?;
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(items);
            }
        }
        Err(Error::new(
            Category::Internal,
            "endless-listing",
            format!("the listing has over {MOST_PAGES} pages"),
        ))
    }
}

/// A link begins with a slash and a marker with `=`, so that neither is taken for the other.
fn cursor_of(next: Next) -> String {
    match next {
        Next::Marker(marker) => format!("={marker}"),
        Next::Link(link) => {
            let rest = split_origin(&link)
                .filter(|_| !link.starts_with('/'))
                .map_or(link.as_str(), |(_, rest)| rest);
            if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::replay::Recording;

    #[derive(Deserialize)]
    struct Things {
        things: Vec<u32>,
        marker: Option<String>,
        link: Option<String>,
    }

    impl Listing for Things {
        type Item = u32;

        fn next(&self) -> Option<Next> {
            self.marker.clone().map(Next::Marker).or_else(|| self.link.clone().map(Next::Link))
        }

        fn into_items(self) -> Vec<u32> {
            self.things
        }
    }

    fn recording(pages: &[(&str, &str)]) -> Recording {
        let mut lines = vec![serde_json::json!({ "skywright-recording": 1 }).to_string()];
        lines.extend(pages.iter().map(|(url, body)| {
            let request = serde_json::json!({ "method": "GET", "url": url, "replay": "safe" });
            let response = serde_json::json!({ "status": 200, "headers": [], "body": body });
            serde_json::json!({ "request": request, "response": response }).to_string()
        }));
        Recording::parse(&lines.join("\n")).unwrap()
    }

    #[test]
    fn markers_are_followed() {
        let recording = recording(&[
            ("http://c/v1/things?limit=2", r#"{"things":[1,2],"marker":"/2&"}"#),
            ("http://c/v1/things?limit=2&marker=%2F2%26", r#"{"things":[3]}"#),
        ]);
        let client = Client::new("http://c/v1");
        let all = recording.play(|| client.pages("/things").query("limit", 2).all::<Things>()).unwrap();
        assert_eq!(all, [1, 2, 3]);
    }

    #[test]
    fn links_are_followed_on_the_same_origin_alone() {
        let recording = recording(&[
            ("http://c/v1/things", r#"{"things":[1],"link":"https://evil.example/v1/things?page=2"}"#),
            ("http://c/v1/things?page=2", r#"{"things":[2],"link":"/v1/things?page=3"}"#),
            ("http://c/v1/things?page=3", r#"{"things":[]}"#),
        ]);
        let client = Client::new("http://c/v1");
        assert_eq!(recording.play(|| client.pages("/things").all::<Things>()).unwrap(), [1, 2]);
    }

    #[test]
    fn a_page_that_follows_itself_is_an_error() {
        let recording = recording(&[
            ("http://c/things", r#"{"things":[1],"marker":"1"}"#),
            ("http://c/things?marker=1", r#"{"things":[1],"marker":"1"}"#),
        ]);
        let client = Client::new("http://c");
        let error = recording.play(|| client.pages("/things").all::<Things>()).unwrap_err();
        assert_eq!(error.code, "endless-listing");
    }
}
