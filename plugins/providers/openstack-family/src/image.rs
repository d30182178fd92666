//! Glance's images.

use serde::Deserialize;
use serde_json::{Map, Value};
use skywright_sdk::catalog::{Image, ImagePage};
use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::cloud::{Cloud, page_size};
use crate::profile;

/// A page of the images that can be started from, the newest first.
pub(crate) fn page(cursor: Option<&str>) -> Result<ImagePage, Error> {
    let cloud = Cloud::open()?;
    let glance = cloud.image(&cloud.region()?)?;
    let pages = glance.pages("/images").query("limit", page_size()?).query("status", "active");
    let page = pages.page::<Images>(cursor)?.filter_map(|properties| image(&properties));
    Ok(ImagePage { items: page.items, next: page.next })
}

#[derive(Deserialize)]
struct Images {
    images: Vec<Properties>,
    next: Option<String>,
}

/// Glance writes its own properties and everybody else's side by side.
type Properties = Map<String, Value>;

impl Listing for Images {
    type Item = Properties;

    fn next(&self) -> Option<Next> {
        url::query_parameter(self.next.as_deref()?, "marker").map(Next::Marker)
    }

    fn into_items(self) -> Vec<Properties> {
        self.images
    }
}

/// What is in the image's own fields, or of no use to anybody but Glance.
const NOT_ATTRIBUTES: &[&str] = &[
    "id",
    "name",
    "os_distro",
    "os_version",
    "image_original_user",
    "created_at",
    "status",
    "checksum",
    "os_hash_algo",
    "os_hash_value",
    "self",
    "file",
    "schema",
    "direct_url",
    "locations",
    "stores",
];

/// Kernels and ramdisks are images to Glance, too; nothing starts from them alone.
fn image(properties: &Properties) -> Option<Image> {
    if matches!(text(properties, "disk_format"), Some("aki" | "ari")) {
        return None;
    }
    let id = text(properties, "id")?;
    let name = text(properties, "name").unwrap_or(id);
    let (named_family, named_version) = system_named(name);
    let family = ["os_distro", "__platform"].iter().find_map(|key| text(properties, key));
    let family = family.map(str::to_ascii_lowercase).or(named_family);
    let login = ["image_original_user", "os_admin_user"].iter().find_map(|key| text(properties, key));
    let login = login.map(str::to_owned).or_else(|| known_user(family.as_deref()?));
    let attributes = properties.iter().filter(|(key, _)| !NOT_ATTRIBUTES.contains(&key.as_str()));
    let attributes = attributes.filter_map(|(key, value)| Some(KeyValue::new(key, value.as_str()?)));
    Some(Image {
        id: id.to_owned(),
        name: name.to_owned(),
        os_family: family,
        os_version: text(properties, "os_version").map(str::to_owned).or(named_version),
        login_user: login,
        min_disk_gib: number(properties, "min_disk").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        min_memory_mib: number(properties, "min_ram").unwrap_or(0),
        size_bytes: number(properties, "size"),
        created_at: text(properties, "created_at").map(str::to_owned),
        attributes: attributes.collect(),
    })
}

/// Whom the dialect knows to log in.
fn known_user(os_family: &str) -> Option<String> {
    let users = profile::current().login_users;
    users.iter().find(|known| known.os_family == os_family).map(|known| known.user.to_owned())
}

fn text<'a>(properties: &'a Properties, key: &str) -> Option<&'a str> {
    properties.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn number(properties: &Properties, key: &str) -> Option<u64> {
    properties.get(key)?.as_u64()
}

/// What the name says where nobody has set the properties: a distribution, and the first number after it.
/// `Standard_Debian_12_amd64` → debian, 12.
fn system_named(name: &str) -> (Option<String>, Option<String>) {
    const FAMILIES: &[&str] = &[
        "almalinux",
        "alpine",
        "arch",
        "centos",
        "debian",
        "fedora",
        "flatcar",
        "freebsd",
        "opensuse",
        "rhel",
        "rocky",
        "sles",
        "ubuntu",
        "windows",
    ];
    let name = name.to_ascii_lowercase();
    let mut words =
        name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter(|word| !word.is_empty());
    let Some(family) = words.find(|word| FAMILIES.contains(word)) else { return (None, None) };
    let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    (Some(family.to_owned()), version.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Catalog;

    use super::*;
    use crate::profile::{LoginUser, Profile};
    use crate::tenant::{Openstack, recorded};

    #[test]
    fn the_images_of_a_cloud_page_by_page() {
        let (first, second) = recorded("images").setting("page-size", "2").play(|| {
            let first = Openstack::images(None).unwrap();
            let second = Openstack::images(first.next.clone()).unwrap();
            (first, second)
        });
        assert_eq!((first.items.len(), second.items.len(), second.next), (2, 1, None));
        let images: Vec<_> = first.items.into_iter().chain(second.items).collect();
        let ubuntu = images.iter().find(|image| image.name == "Ubuntu 24.04").unwrap();
        assert_eq!(ubuntu.os_family.as_deref(), Some("ubuntu"));
        assert_eq!(ubuntu.os_version.as_deref(), Some("24.04"));
        assert_eq!(ubuntu.login_user.as_deref(), Some("ubuntu"));
        assert_eq!(ubuntu.size_bytes, Some(262_144));
        assert!(ubuntu.min_disk_gib > 0);
        assert!(ubuntu.attributes.contains(&KeyValue::new("architecture", "x86_64")));
        assert!(ubuntu.attributes.iter().all(|attribute| attribute.key != "checksum"));
    }

    fn parsed(json: &str) -> Option<Image> {
        image(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn names_speak_where_properties_are_silent() {
        let name = |name: &str| system_named(name);
        let is = |family: &str, version: &str| (Some(family.to_owned()), Some(version.to_owned()));
        assert_eq!(name("Standard_Debian_12_amd64_uefi_latest"), is("debian", "12"));
        assert_eq!(name("Ubuntu 22.04"), is("ubuntu", "22.04"));
        assert_eq!(name("OBS Ubuntu 20.04"), is("ubuntu", "20.04"));
        assert_eq!(name("Arch"), (Some("arch".to_owned()), None));
        assert_eq!(name("my appliance 3"), (None, None));
    }

    #[test]
    fn a_dialect_knows_who_logs_in() {
        static KNOWN: Profile =
            Profile { login_users: &[LoginUser { os_family: "debian", user: "linux" }], ..Profile::GENERIC };
        let user = |json: &str| KNOWN.scope(|| parsed(json)).unwrap().login_user;
        assert_eq!(user(r#"{"id":"1","name":"Debian 12"}"#).as_deref(), Some("linux"));
        assert_eq!(
            user(r#"{"id":"1","name":"Debian 12","os_admin_user":"debian"}"#).as_deref(),
            Some("debian")
        );
        assert_eq!(user(r#"{"id":"1","name":"Ubuntu 24.04"}"#), None);
    }

    #[test]
    fn strange_images_are_borne() {
        assert_eq!(parsed(r#"{"id":"1","disk_format":"aki"}"#), None);
        assert_eq!(parsed(r#"{"name":"x"}"#), None);
        let bare = parsed(r#"{"id":"1","name":null,"min_disk":-1,"min_ram":"512","size":null}"#).unwrap();
        assert_eq!((bare.name.as_str(), bare.min_disk_gib, bare.size_bytes), ("1", 0, None));
    }
}
