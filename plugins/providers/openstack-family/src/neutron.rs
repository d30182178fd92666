//! Neutron, and what all that it keeps has in common.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use skywright_sdk::prelude::*;
use skywright_sdk::{Intent, Page, log, url};

use crate::cloud::{Cloud, page_size};
use crate::links::{Link, marker};
use crate::{intent, profile, tag};

/// The fields of a request's body.
pub(crate) type Fields = Map<String, Value>;

/// A kind of thing that Neutron keeps.
pub(crate) trait Resource: DeserializeOwned {
    /// What one is called in a body, such as `security_group`.
    const ONE: &'static str;
    /// What several are called, such as `security_groups`; with hyphens, where they are.
    const MANY: &'static str;
    /// Whether users describe it, so that an intent is not all that its description says.
    const DESCRIBED: bool = false;

    /// What all kinds have.
    fn standard(&self) -> &Standard;
}

/// What all kinds have.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Standard {
    pub(crate) id: String,
    /// Floating addresses have none.
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) revision_number: Option<u64>,
}

impl Standard {
    /// The user's own description.
    pub(crate) fn description(&self) -> String {
        intent::read(self.description.as_deref().unwrap_or_default()).0.to_owned()
    }

    /// The intent that it carries.
    pub(crate) fn intent(&self) -> Option<String> {
        let described = self.description.as_deref().and_then(|description| intent::read(description).1);
        let named =
            || if profile::current().undescribed.is_empty() { None } else { intent::read(&self.name).1 };
        described.or_else(named).map(str::to_owned)
    }

    /// Its name, without an intent that stands in it.
    pub(crate) fn name(&self) -> &str {
        if profile::current().undescribed.is_empty() { &self.name } else { intent::read(&self.name).0 }
    }

    /// The older one is the smaller one.
    pub(crate) fn age(&self) -> (Option<&str>, &str) {
        (self.created_at.as_deref(), &self.id)
    }

    /// Its tags.
    pub(crate) fn tags(&self) -> Vec<KeyValue> {
        tag::read(&self.tags)
    }
}

/// The tenant's Neutron.
#[derive(Debug)]
pub(crate) struct Neutron {
    pub(crate) client: Client,
    /// The project; an administrator sees those of others, too.
    project: Option<String>,
}

impl Neutron {
    /// That of the tenant's region.
    pub(crate) fn open() -> Result<Self, Error> {
        let cloud = Cloud::open()?;
        let client = cloud.network(&cloud.region()?)?;
        Ok(Self { client, project: cloud.project().map(str::to_owned) })
    }

    /// A listing of a kind.
    pub(crate) fn many<T: Resource>(&self) -> Many<'_, T> {
        Many { neutron: self, query: Vec::new(), wanted: Vec::new(), kind: PhantomData }
    }

    /// One, by its id.
    pub(crate) fn one<T: Resource>(&self, id: &str) -> Result<T, Error> {
        let answer = self.client.get(&path::<T>(id)).json::<One<T>>();
        answer.map(|one| one.0).map_err(|error| about(error, id))
    }

    /// One, by its id, if it is there.
    pub(crate) fn one_if_there<T: Resource>(&self, id: &str) -> Result<Option<T>, Error> {
        unless_gone(self.one(id).map(Some)).map(Option::flatten)
    }

    /// Makes one, or finds what an earlier try with the same intent made, and gives it its tags.
    pub(crate) fn create<T: Resource>(
        &self,
        intent: &Intent,
        tags: &[KeyValue],
        description: &str,
        mut fields: Fields,
    ) -> Result<T, Error> {
        let wanted = tag::written(tags)?;
        stamp::<T>(&mut fields, description, &intent.key)?;
        let found = if intent.again { self.made_with::<T>(&intent.key)? } else { None };
        if let Some(found) = found {
            self.put_tags(&found, &wanted)?;
            return Ok(found);
        }
        let made = self.post::<T>(fields)?;
        match self.put_tags(&made, &wanted) {
            Ok(()) => Ok(made),
            Err(error) => Err(self.undone::<T>(&made.standard().id, error)),
        }
    }

    /// Makes one, as it is.
    pub(crate) fn post<T: Resource>(&self, fields: Fields) -> Result<T, Error> {
        let made: One<T> = self.client.post(&root::<T>()).json_body(&json!({ (T::ONE): fields })).json()?;
        Ok(made.0)
    }

    /// Changes one; the same twice is as once.
    pub(crate) fn put<T: Resource>(&self, id: &str, fields: &Value) -> Result<T, Error> {
        let changed: Result<One<T>, Error> =
            self.client.put(&path::<T>(id)).json_body(&json!({ (T::ONE): fields })).json();
        changed.map(|one| one.0).map_err(|error| about(error, id))
    }

    /// Changes one if it is still as it was read: `None` if it is not.
    pub(crate) fn put_unless_changed<T: Resource>(
        &self,
        was: &T,
        fields: &Value,
    ) -> Result<Option<T>, Error> {
        let Standard { id, revision_number, .. } = was.standard();
        let mut call = self.client.put(&path::<T>(id)).json_body(&json!({ (T::ONE): fields }));
        if let Some(number) = revision_number {
            call = call.header("if-match", format!("revision_number={number}"));
        }
        match call.json::<One<T>>() {
            Ok(changed) => Ok(Some(changed.0)),
            Err(error) if error.http_status == Some(412) => Ok(None),
            Err(error) => Err(about(error, id)),
        }
    }

    /// The ids of what carries an intent, the oldest first.
    pub(crate) fn carrying<T: Resource>(&self, key: &str) -> Result<Vec<String>, Error> {
        let mut all = self.many::<Stamped<T>>().own();
        let in_name = profile::current().stamps_name(T::ONE);
        if !T::DESCRIBED && !in_name {
            all = all.query("description", intent::stamped("", key)?);
        }
        for field in ["id", if in_name { "name" } else { "description" }, "created_at"] {
            all = all.query("fields", field);
        }
        let mut found: Vec<Standard> = all.all()?.into_iter().map(|stamped| stamped.standard).collect();
        found.retain(|made| made.intent().as_deref() == Some(key));
        found.sort_by(|a, b| a.age().cmp(&b.age()));
        Ok(found.into_iter().map(|made| made.id).collect())
    }

    /// Deletes all that carries an intent.
    pub(crate) fn abandon<T: Resource>(&self, key: &str) -> Result<(), Error> {
        self.carrying::<T>(key)?.iter().try_for_each(|id| self.delete::<T>(id).map(|_| ()))
    }

    /// What carries an intent: the oldest, where a request that was given up for lost came through late. The
    /// younger ones are deleted, unless something uses them already.
    fn made_with<T: Resource>(&self, key: &str) -> Result<Option<T>, Error> {
        let mut found = self.carrying::<T>(key)?.into_iter();
        let Some(oldest) = found.next() else { return Ok(None) };
        for younger in found {
            log::warn!("a request that was given up for lost came through after all"; id = younger, intent = key);
            if let Err(error) = self.delete::<T>(&younger) {
                log::warn!("it stays: {}", error.message; id = younger);
            }
        }
        self.one_if_there(&oldest)
    }

    /// Deletes what was made and could not be finished, so that an error says that there is nothing; where
    /// that fails as well, the host must look.
    pub(crate) fn undone<T: Resource>(&self, id: &str, error: Error) -> Error {
        match self.delete::<T>(id) {
            Ok(_) => error,
            Err(second) => {
                log::error!("{}, and it could not be taken back: {}", error.message, second.message; id = id);
                Error { category: Category::OutcomeUnknown, ..error }.with_subject(id)
            }
        }
    }

    /// Deletes one; whether it was there.
    pub(crate) fn delete<T: Resource>(&self, id: &str) -> Result<bool, Error> {
        let answer = unless_gone(self.client.delete(&path::<T>(id)).send());
        answer.map(|answer| answer.is_some()).map_err(|error| about(error, id))
    }

    /// Replaces its tags.
    pub(crate) fn set_tags<T: Resource>(&self, id: &str, tags: &[KeyValue]) -> Result<(), Error> {
        if !profile::current().has_tags {
            let error = Error::unsupported("no-tags", "the cloud keeps no tags of what Neutron manages");
            return Err(error.with_subject(id));
        }
        let Err(error) = self.write_tags::<T>(id, &tag::written(tags)?) else { return Ok(()) };
        if error.http_status == Some(500) {
            // Which is what newer Neutrons say of the tags of what is not there.
            self.one::<T>(id)?;
        }
        Err(error)
    }

    fn put_tags<T: Resource>(&self, there: &T, wanted: &[String]) -> Result<(), Error> {
        let Standard { id, tags, .. } = there.standard();
        if !profile::current().has_tags {
            if !wanted.is_empty() {
                log::warn!("the cloud keeps no tags of what Neutron manages: {} dropped", wanted.len(); id = id);
            }
            return Ok(());
        }
        let same = tags.len() == wanted.len() && tag::carried(wanted, tags);
        if same { Ok(()) } else { self.write_tags::<T>(id, wanted) }
    }

    fn write_tags<T: Resource>(&self, id: &str, tags: &[String]) -> Result<(), Error> {
        let call = self.client.put(&format!("{}/tags", path::<T>(id))).json_body(&json!({ "tags": tags }));
        let error = match call.send() {
            Ok(_) => return Ok(()),
            Err(error) => about(error, id),
        };
        let longest = tags.iter().map(|tag| tag.chars().count()).max().unwrap_or(0);
        Err(match error.category {
            Category::InvalidRequest if longest > 60 => error
                .with_hint("before 2023 Neutron took tags of at most 60 characters, key and value together"),
            _ => error,
        })
    }
}

fn root<T: Resource>() -> String {
    format!("/{}", T::MANY.replace('_', "-"))
}

fn path<T: Resource>(id: &str) -> String {
    format!("{}/{}", root::<T>(), url::encode(id))
}

fn about(error: Error, id: &str) -> Error {
    if error.subject.is_some() { error } else { error.with_subject(id) }
}

/// Whether an answer says that Neutron has no such kind of thing at all, as without an extension: what is not
/// there but could be has a code of its own, such as `NetworkNotFound`.
pub(crate) fn is_unknown_path(error: &Error) -> bool {
    let codes = ["404", "NotFound", "HTTPNotFound", "NeutronError"];
    error.http_status == Some(404) && codes.contains(&error.code.as_str())
}

/// `None` for what is not there.
pub(crate) fn unless_gone<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.category == Category::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// `{"network": {…}}`
struct One<T>(T);

impl<'de, T: Resource> Deserialize<'de> for One<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Body<T>(PhantomData<T>);
        impl<'de, T: Resource> Visitor<'de> for Body<T> {
            type Value = One<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object with `{}`", T::ONE)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut body: A) -> Result<One<T>, A::Error> {
                let mut one = None;
                while let Some(key) = body.next_key::<String>()? {
                    if key == T::ONE {
                        one = Some(body.next_value()?);
                    } else {
                        body.next_value::<IgnoredAny>()?;
                    }
                }
                one.map(One).ok_or_else(|| A::Error::missing_field(T::ONE))
            }
        }
        deserializer.deserialize_map(Body(PhantomData))
    }
}

/// `{"networks": [{…}], "networks_links": […]}`
struct Several<T> {
    items: Vec<T>,
    links: Vec<Link>,
}

impl<'de, T: Resource> Deserialize<'de> for Several<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Body<T>(PhantomData<T>);
        impl<'de, T: Resource> Visitor<'de> for Body<T> {
            type Value = Several<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object with `{}`", T::MANY)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut body: A) -> Result<Several<T>, A::Error> {
                let (mut items, mut links) = (None, Vec::new());
                while let Some(key) = body.next_key::<String>()? {
                    match key.strip_prefix(T::MANY) {
                        Some("") => items = Some(body.next_value()?),
                        Some("_links") => links = body.next_value()?,
                        _ => drop(body.next_value::<IgnoredAny>()?),
                    }
                }
                let items = items.ok_or_else(|| A::Error::missing_field(T::MANY))?;
                Ok(Several { items, links })
            }
        }
        deserializer.deserialize_map(Body(PhantomData))
    }
}

impl<T: Resource> Listing for Several<T> {
    type Item = T;

    fn next(&self) -> Option<Next> {
        marker(&self.links)
    }

    fn into_items(self) -> Vec<T> {
        self.items
    }
}

/// Of a resource, what tells whether it carries an intent.
struct Stamped<T> {
    standard: Standard,
    kind: PhantomData<T>,
}

impl<'de, T> Deserialize<'de> for Stamped<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Standard::deserialize(deserializer).map(|standard| Self { standard, kind: PhantomData })
    }
}

impl<T: Resource> Resource for Stamped<T> {
    const ONE: &'static str = T::ONE;
    const MANY: &'static str = T::MANY;

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

/// A listing that is being asked for.
#[derive(Debug)]
#[must_use = "a listing is not read until a page is asked for"]
pub(crate) struct Many<'a, T> {
    neutron: &'a Neutron,
    query: Vec<(&'static str, String)>,
    wanted: Vec<String>,
    kind: PhantomData<T>,
}

impl<T: Resource> Many<'_, T> {
    /// Those of which this is so.
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The project's own.
    pub(crate) fn own(mut self) -> Self {
        self.query.extend(self.neutron.project.clone().map(|project| ("project_id", project)));
        self
    }

    /// Those that carry every one of the tags.
    pub(crate) fn tagged(mut self, tags: &[KeyValue]) -> Result<Self, Error> {
        self.wanted = tag::written(tags)?;
        let asked = tag::query(&self.wanted).filter(|_| profile::current().has_tags);
        self.query.extend(asked.map(|tags| ("tags", tags)));
        Ok(self)
    }

    /// A page of them.
    pub(crate) fn page(self, cursor: Option<&str>) -> Result<Page<T>, Error> {
        let page = self.pages()?.page::<Several<T>>(cursor)?;
        Ok(page.filter_map(|item| tag::carried(&self.wanted, &item.standard().tags).then_some(item)))
    }

    /// All of them: for what is known to be short.
    pub(crate) fn all(self) -> Result<Vec<T>, Error> {
        let mut all = self.pages()?.all::<Several<T>>()?;
        all.retain(|item| tag::carried(&self.wanted, &item.standard().tags));
        Ok(all)
    }

    fn pages(&self) -> Result<skywright_sdk::Pages<'_>, Error> {
        let mut pages = self.neutron.client.pages(&root::<T>());
        for (name, value) in &self.query {
            pages = pages.query(name, value);
        }
        Ok(pages.query("limit", page_size()?))
    }
}

/// Writes an intent where this kind carries it.
pub(crate) fn stamp<T: Resource>(fields: &mut Fields, description: &str, key: &str) -> Result<(), Error> {
    let in_name = profile::current().stamps_name(T::ONE);
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
    let (field, stamped) = if in_name {
        ("name", intent::stamped(name, key)?)
    } else {
        ("description", intent::stamped(description, key)?)
    };
    fields.insert(field.to_owned(), stamped.into());
    Ok(())
}

/// The fields of a JSON object.
pub(crate) fn fields(object: Value) -> Fields {
    match object {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Response;

    use super::*;
    use crate::fault::FAULTS;

    #[test]
    fn what_is_not_there_is_told_from_what_cannot_be() {
        let error = |body: &str| {
            let response = Response { status: 404, headers: Vec::new(), body: body.as_bytes().to_vec() };
            FAULTS.error(&response, Replay::Safe)
        };
        for unknown in [
            "",
            r#"{"NeutronError": {"type": "HTTPNotFound", "message": "The resource could not be found.", "detail": ""}}"#,
            r#"{"message": "The resource could not be found.<br /><br />", "code": "404 Not Found", "title": "Not Found"}"#,
        ] {
            assert!(is_unknown_path(&error(unknown)), "{unknown}");
        }
        let gone = r#"{"NeutronError": {"type": "NetworkNotFound", "message": "Network x could not be found.", "detail": ""}}"#;
        assert!(!is_unknown_path(&error(gone)));
    }
}
