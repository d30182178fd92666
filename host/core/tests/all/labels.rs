//! Labels and tags: in the record and in the cloud.

use skywright_core::resource::{ChangeLabels, DeleteLabel, Kind, LabelEdit, LabelKind};
use skywright_runtime::provider::KeyValue;

use crate::cloud::{Site, Trouble};
use crate::survival::{network, run};

fn on_gateway(edit: LabelEdit) -> ChangeLabels {
    ChangeLabels { kind: Kind::Host, path: vec!["gw-lan".to_owned()], edits: vec![edit] }
}

fn bind(name: &str, value: Option<&str>) -> ChangeLabels {
    on_gateway(LabelEdit::Bind { name: name.to_owned(), value: value.map(str::to_owned) })
}

fn tags_in_cloud(site: &Site, name: &str) -> Vec<(String, String)> {
    site.cloud.named(name).1.tags.into_iter().map(|KeyValue { key, value }| (key, value)).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn labels_and_tags_are_in_both_places() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    let tenancy = site.tenancy().await;
    assert!(run(&site, &bind("role", None)).await.is_err());
    tenancy.create_label(LabelKind::Label, "role", Some("way-in".to_owned())).await.unwrap();
    assert_eq!(tenancy.create_label(LabelKind::Label, "role", None).await.unwrap_err().code(), "exists");
    run(&site, &bind("role", None)).await.unwrap();
    run(&site, &on_gateway(LabelEdit::BindTag { name: "blue".to_owned() })).await.unwrap();
    let managed = pair("managed-by", "skywright");
    assert_eq!(tags_in_cloud(&site, "gw-lan"), [managed.clone(), pair("role", "way-in"), pair("blue", "")]);
    run(&site, &on_gateway(LabelEdit::Update { name: "role".to_owned(), value: "x".to_owned() }))
        .await
        .unwrap();
    let view = tenancy.label(LabelKind::Label, "role").await.unwrap();
    assert_eq!(view.resources[0].value.as_deref(), Some("x"));
    run(&site, &on_gateway(LabelEdit::Reset { name: "role".to_owned() })).await.unwrap();
    assert_eq!(tenancy.host("gw-lan").await.unwrap().labels["role"], "way-in");

    let delete = |force| DeleteLabel { kind: LabelKind::Label, name: "role".to_owned(), force };
    let error = run(&site, &delete(false)).await.unwrap_err();
    assert_eq!((error.code().as_str(), error.to_string().contains("gw-lan")), ("in-use", true), "{error}");
    run(&site, &delete(true)).await.unwrap();
    assert_eq!(tags_in_cloud(&site, "gw-lan"), [managed, pair("blue", "")]);
    assert!(tenancy.labels(LabelKind::Label).await.unwrap().is_empty());
    assert_eq!(tenancy.labels(LabelKind::Tag).await.unwrap()[0].name, "blue");
}

#[tokio::test]
async fn a_refusal_changes_neither() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    site.cloud.trouble(1, Trouble::Refused);
    run(&site, &bind("role", Some("db"))).await.unwrap_err();
    site.cloud.calm();
    assert!(site.tenancy().await.host("gw-lan").await.unwrap().labels.is_empty());
    let path = vec!["lan".to_owned(), "lan".to_owned()];
    let edits = vec![LabelEdit::BindTag { name: "blue".to_owned() }];
    run(&site, &ChangeLabels { kind: Kind::Subnet, path, edits }).await.unwrap();
    assert_eq!(site.tenancy().await.subnet("lan", "lan").await.unwrap().tags, ["blue"]);
}
