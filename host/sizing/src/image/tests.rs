use proptest::prelude::*;

use super::*;
use crate::error::Error;

fn image(id: &str, name: &str) -> Image {
    Image { id: id.into(), name: name.to_owned(), ..Image::default() }
}

fn chosen(wanted: &str, images: &[Image]) -> String {
    match_images(wanted, images, Some(Architecture::Amd64)).choice().unwrap().id.to_string()
}

#[test]
fn the_id_wins_over_names_and_architectures() {
    let mut named = image("2", "1");
    named.architecture = Some(Architecture::Amd64);
    let mut meant = image("1", "Debian 12");
    meant.architecture = Some(Architecture::Arm64);
    assert_eq!(chosen("1", &[named, meant]), "1");
}

#[test]
fn the_nearest_name_wins_then_the_newest_then_the_name_then_the_id() {
    let mut images =
        vec![image("a", "Ubuntu 24.04 minimal"), image("b", "Ubuntu 24.04 LTS"), image("c", "Ubuntu 24.10")];
    assert_eq!(chosen("Ubuntu 24.04", &images), "b");
    images.push(Image { created_at: Some("2026-01-02T00:00:00Z".into()), ..image("d", "Ubuntu 24.04 lts") });
    images.push(Image { created_at: Some("2025-01-02T00:00:00Z".into()), ..image("e", "Ubuntu 24.04 LTS") });
    assert_eq!(chosen("Ubuntu 24.04", &images), "d");
    images.retain(|image| image.created_at.is_none());
    images.push(image("0", "Ubuntu 24.04 LTS"));
    assert_eq!(chosen("Ubuntu 24.04", &images), "0");
    images.push(image("z", "Ubuntu 24.04"));
    assert_eq!(chosen("Ubuntu 24.04", &images), "z");
}

#[test]
fn general_images_come_before_those_for_a_purpose() {
    let mut node = image("a", "Ubuntu 24.04 k8s");
    node.attributes.insert("os_purpose".into(), "k8snode".into());
    let images = [node, image("b", "Ubuntu 24.04 (Noble Numbat)")];
    assert_eq!(chosen("Ubuntu 24.04", &images), "b");
    assert_eq!(chosen("Ubuntu 24.04 k8s", &images), "a");
}

#[test]
fn the_system_and_its_version_are_a_name_too() {
    let mut noble = image("a", "noble-server-cloudimg");
    (noble.os_family, noble.os_version) = (Some("ubuntu".into()), Some("24.04".into()));
    let mut images = vec![image("b", "Ubuntu 22.04"), noble];
    assert_eq!(chosen("Ubuntu 24.04", &images), "a");
    images.push(image("c", "ubuntu-24.04"));
    assert_eq!(chosen("Ubuntu 24.04", &images), "c");
}

#[test]
fn no_good_match_names_the_nearest_of_the_architecture() {
    let mut arm = image("c", "Ubuntu 24.04");
    arm.architecture = Some(Architecture::Arm64);
    let images = [image("a", "Ubuntu 22.04"), image("b", "Windows Server 2022"), arm];
    let matches = match_images("Ubuntu 24.04", &images, Some(Architecture::Amd64));
    let error = matches.choice().unwrap_err();
    assert_eq!(error.to_string(), "there is no image like `Ubuntu 24.04`");
    assert_eq!(error.hint().unwrap(), "nearest are `Ubuntu 22.04`, `Windows Server 2022`");
    let why: Vec<_> =
        matches.verdicts.iter().map(|verdict| (verdict.image.id.as_str(), verdict.why())).collect();
    assert_eq!(why[0], ("c", "it is arm64, amd64 is wanted".to_owned()));
    assert_eq!(why[1], ("a", "its name is another".to_owned()));
    assert!(matches!(match_images("", &images, None).choice(), Err(Error::NoImage { .. })));
    assert!(match_images("x", &[], None).choice().unwrap_err().hint().unwrap().contains("no images"));
}

#[test]
fn explained_in_json() {
    let images = [image("a", "Debian 13"), image("b", "Debian 12")];
    let json = serde_json::to_value(match_images("debian 12", &images, None)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"wanted": "debian 12", "verdicts": [
            {"id": "b", "name": "Debian 12", "position": 1, "likeness": "name", "distance": 0, "reasons": []},
            {"id": "a", "name": "Debian 13", "position": null, "likeness": null, "distance": null,
             "reasons": ["its name is another"]},
        ]})
    );
}

proptest! {
    #[test]
    fn the_order_of_the_list_does_not_matter(
        images in proptest::collection::vec(
            ("[ab]", "(Ubuntu|Debian|ubunut) (12|24.04)( x)?", proptest::option::of("202[45]"), any::<bool>()),
            1..8,
        ),
        turn in 0..8_usize,
    ) {
        let images: Vec<Image> = images.into_iter().enumerate().map(|(n, (id, name, created_at, is_arm))| Image {
            created_at,
            architecture: is_arm.then_some(Architecture::Arm64),
            ..image(&format!("{id}{n}"), &name)
        }).collect();
        let mut turned = images.clone();
        turned.rotate_left(turn % images.len());
        let (one, other) = (match_images("Ubuntu 24.04", &images, None), match_images("Ubuntu 24.04", &turned, None));
        prop_assert_eq!(one, other);
    }
}
