//! Listings whose pages have no end, each in its own way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use skywright_core::{Cloud, Error};

use crate::cloud::FakeCloud;

/// What a cloud gives for the page of this number: entries, and the cursor of the next page.
type Page = fn(usize) -> (Vec<usize>, Option<String>);

/// Reads the whole listing; how many pages it took.
async fn read(page: Page) -> (Result<Vec<usize>, Error>, usize) {
    let cloud = Cloud::new(Arc::new(FakeCloud::default()));
    let asked = AtomicUsize::new(0);
    let all = cloud
        .all("things", |_, _| {
            let number = asked.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { Ok(page(number)) })
        })
        .await;
    (all, asked.load(Ordering::SeqCst))
}

#[tokio::test]
async fn an_end_is_reached() {
    let (all, asked) = read(|n| (vec![n, n + 100], (n < 4).then(|| format!("after-{n}")))).await;
    assert_eq!((all.unwrap().len(), asked), (10, 5));
}

/// A filter may leave a page empty, and the next one not.
#[tokio::test]
async fn empty_pages_are_passed() {
    let (all, asked) =
        read(|n| (if n == 3 { vec![n] } else { vec![] }, (n < 3).then(|| n.to_string()))).await;
    assert_eq!((all.unwrap(), asked), (vec![3], 4));
}

#[tokio::test]
async fn cursors_in_a_circle() {
    let (all, asked) = read(|n| (vec![n], Some((n % 3).to_string()))).await;
    assert_eq!((all.unwrap_err().code(), asked), ("endless-listing".to_owned(), 4));
}

#[tokio::test]
async fn one_page_under_ever_new_cursors() {
    let (all, asked) = read(|n| (vec![7, 8], Some(n.to_string()))).await;
    assert_eq!((all.unwrap_err().code(), asked), ("endless-listing".to_owned(), 2));
}

#[tokio::test]
async fn ever_new_entries() {
    let (all, asked) = read(|n| (vec![n], Some(n.to_string()))).await;
    assert_eq!((all.unwrap_err().code(), asked), ("endless-listing".to_owned(), 2_000));
}

#[tokio::test]
async fn ever_more_pages_without_entries() {
    let (all, asked) = read(|n| (if n == 0 { vec![n] } else { vec![] }, Some(n.to_string()))).await;
    assert_eq!((all.unwrap_err().code(), asked), ("endless-listing".to_owned(), 52));
}
