//! Buckets of this machine: folders, by the commands that are every cloud's.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Site;

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_files_of_their_owner_alone() {
    let Some(site) = Site::new().await else { return };
    site.run(&["bucket", "create", "data"]).await.result();
    let folder = site.folder().join("state/machines/buckets/data");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);

    let here = site.folder().join("photos");
    fs::create_dir_all(here.join("2026")).unwrap();
    fs::write(here.join("2026/a.jpg"), vec![7; 3 << 20]).unwrap();
    fs::write(here.join("b.jpg"), b"b").unwrap();
    let sent = site.run(&["bucket", "upload", "data", here.to_str().unwrap(), "--prefix", "x"]).await;
    assert_eq!(sent.result()["moved"], 2, "{}", sent.json);
    let listed = site.run(&["object", "list", "data", "x/", "--recursive"]).await;
    let objects = listed.result().as_array().unwrap().iter().filter(|one| one["kind"] == "object");
    let mut names: Vec<_> = objects.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["x/2026/a.jpg", "x/b.jpg"]);
    let back = site.folder().join("back.jpg");
    site.run(&["object", "download", "data/x/2026/a.jpg", back.to_str().unwrap()]).await.result();
    assert_eq!(fs::read(&back).unwrap(), vec![7; 3 << 20]);

    // There is nobody who would serve a URL, and no host reaches them.
    let url = site.run(&["object", "url", "data/x/b.jpg"]).await;
    assert_eq!(url.json["error"]["category"], "unsupported", "{url:?}");

    let full = site.run(&["bucket", "delete", "data"]).await;
    assert_eq!(full.json["error"]["code"], "in-use", "{full:?}");
    assert!(folder.join("x/b.jpg").is_file());
    let foreign = site.run(&["bucket", "create", ".."]).await;
    assert_ne!(foreign.code, Some(0), "{foreign:?}");
    site.run(&["bucket", "delete", "data", "--force", "--yes"]).await.result();
    assert!(!folder.exists());
    assert_eq!(site.run(&["bucket", "list", "--all"]).await.result().as_array().unwrap().len(), 0);
}
