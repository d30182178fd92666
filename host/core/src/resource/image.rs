//! Images: what a host can run.

use skywright_runtime::provider::catalog;
use skywright_sizing::{Architecture, Image};

use crate::cloud::Cloud;
use crate::error::Error;

/// An image, as it is shown: JSON of `image list`.
pub type ImageView = Image;

/// All images of the tenant's region, by name.
///
/// # Errors
///
/// What the cloud said.
pub async fn images(cloud: &Cloud) -> Result<Vec<Image>, Error> {
    let mut images: Vec<_> = cloud.images().await?.into_iter().map(image).collect();
    images.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(images)
}

fn image(from: catalog::Image) -> Image {
    // The contract's record has no field for it; clouds say it in their own words.
    let attribute =
        |key: &str| from.attributes.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str());
    let architecture =
        attribute("architecture").or_else(|| attribute("hw_architecture")).map(|word| match word {
            "x86_64" | "amd64" => Architecture::Amd64,
            "aarch64" | "arm64" => Architecture::Arm64,
            _ => Architecture::Other,
        });
    Image {
        architecture,
        id: from.id.into(),
        name: from.name,
        os_family: from.os_family,
        os_version: from.os_version,
        login_user: from.login_user,
        min_disk_gib: from.min_disk_gib,
        min_memory_mib: from.min_memory_mib,
        size_bytes: from.size_bytes,
        created_at: from.created_at,
        attributes: from.attributes.into_iter().map(|pair| (pair.key, pair.value)).collect(),
    }
}
