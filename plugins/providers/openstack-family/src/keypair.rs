//! Nova's keypairs. They are the user's, not the project's, and their name is their id.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::keypairs::{Keypair, KeypairPage};
use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::cloud::{Cloud, page_size};
use crate::links::{Link, marker};
use crate::microversion::{self, Microversion};
use crate::neutron::unless_gone;

/// From which on the listing comes in pages.
const PAGED: Microversion = Microversion::new(2, 35);

#[derive(Deserialize)]
struct One {
    keypair: NovaKeypair,
}

#[derive(Deserialize)]
struct NovaKeypair {
    name: String,
    public_key: String,
    fingerprint: String,
}

impl NovaKeypair {
    fn told(self) -> Keypair {
        let Self { name, public_key, fingerprint } = self;
        Keypair { id: name.clone(), name, public_key, fingerprint }
    }
}

#[derive(Deserialize)]
struct Several {
    keypairs: Vec<One>,
    #[serde(default)]
    keypairs_links: Vec<Link>,
}

impl Listing for Several {
    type Item = One;

    fn next(&self) -> Option<Next> {
        marker(&self.keypairs_links)
    }

    fn into_items(self) -> Vec<One> {
        self.keypairs
    }
}

fn nova() -> Result<Client, Error> {
    let cloud = Cloud::open()?;
    cloud.compute(&cloud.region()?)
}

/// Hands a public key to Nova. Twice is as once: the second time it is there.
pub(crate) fn import(name: &str, public_key: &str) -> Result<Keypair, Error> {
    let public_key = public_key.trim();
    if essence(public_key).is_none() {
        let error =
            Error::invalid("bad-public-key", "a public key is a type and base64, with a blank between");
        return Err(error.with_subject(name));
    }
    let nova = nova()?;
    let wanted = json!({ "keypair": { "name": name, "public_key": public_key } });
    let made = nova.post("/os-keypairs").replay(Replay::Idempotent).json_body(&wanted).json::<One>();
    match made {
        Ok(made) => Ok(made.keypair.told()),
        Err(error) if matches!(error.category, Category::Conflict | Category::AlreadyExists) => {
            let there = nova.get(&path(name)).json::<One>()?.keypair;
            if essence(&there.public_key) == essence(public_key) {
                return Ok(there.told());
            }
            let message = format!("there is a keypair {name:?} with another key");
            let error = Error { message, category: Category::AlreadyExists, ..error };
            Err(error.with_subject(name).with_hint("delete that one, or give this one another name"))
        }
        Err(error) => Err(error.with_subject(name)),
    }
}

/// A page of them; all at once where Nova has no pages.
pub(crate) fn list(cursor: Option<&str>) -> Result<KeypairPage, Error> {
    let nova = nova()?;
    let mut pages = nova.pages("/os-keypairs");
    if let Some(version) = microversion::negotiate(&nova)? {
        let (name, value) = version.header();
        pages = pages.header(name, value);
        if version >= PAGED {
            pages = pages.query("limit", page_size()?);
        }
    }
    let page = pages.page::<Several>(cursor)?.filter_map(|one| Some(one.keypair.told()));
    Ok(KeypairPage { items: page.items, next: page.next })
}

/// Deletes one.
pub(crate) fn delete(id: &str) -> Result<(), Error> {
    unless_gone(nova()?.delete(&path(id)).send()).map(|_| ())
}

fn path(name: &str) -> String {
    format!("/os-keypairs/{}", url::encode(name))
}

/// A public key without its comment.
fn essence(public_key: &str) -> Option<(&str, &str)> {
    let mut words = public_key.split_whitespace();
    Some((words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_not_the_key() {
        assert_eq!(essence("ssh-ed25519 AAAA me@here"), essence("ssh-ed25519  AAAA\n"));
        assert_ne!(essence("ssh-ed25519 AAAA"), essence("ssh-ed25519 AAAB"));
        assert_eq!(essence("ssh-ed25519"), None);
    }
}

#[cfg(test)]
mod replayed {
    use skywright_sdk::keypairs::Guest as _;

    use super::*;
    use crate::tenant::{Openstack, recorded};

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";

    #[test]
    fn a_key_is_handed_over_once() {
        recorded("keypair").setting("page-size", "1").play(|| {
            let import = |name: &str, key: &str| Openstack::import(name.to_owned(), key.to_owned());
            let first = import("hn-key", &format!("{KEY} me@here")).unwrap();
            assert_eq!(import("hn-key", KEY).unwrap(), first);
            let error = import("hn-key", OTHER).unwrap_err();
            assert_eq!((error.category, error.subject.as_deref()), (Category::AlreadyExists, Some("hn-key")));
            import("hn-key 2", OTHER).unwrap();
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = Openstack::list(cursor).unwrap();
                assert!(page.items.len() <= 1);
                found.extend(page.items.into_iter().map(|keypair| keypair.name));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            found.retain(|name| name.starts_with("hn-"));
            assert_eq!(found, ["hn-key", "hn-key 2"]);
            for id in ["hn-key", "hn-key 2", "hn-key"] {
                Openstack::delete(id.to_owned()).unwrap();
            }
        });
    }
}
