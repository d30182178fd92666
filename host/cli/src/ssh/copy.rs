//! `skywright ssh copy`.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use skywright_core::{Step, Tenancy};
use skywright_ssh::{Client, CopyOptions, CopyProgress, Place, copy};

use super::args::Copy;
use crate::error::Error;
use crate::object::size_text;
use crate::site::Site;

/// A note is not written more often.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn run(args: Copy, client: &Client, site: &Site<'_>) -> Result<(), Error> {
    let options = CopyOptions { sudo: args.sudo, verify: !args.no_verify };
    let tenancy = site.open().await?;
    let mut places = Vec::with_capacity(args.places.len());
    for text in &args.places {
        places.push(place(text, client, &tenancy).await?);
    }
    let Some(destination) = places.pop() else { return Ok(()) };
    let title = format!("copy to {}", args.places.last().map_or("", String::as_str));
    let told = Mutex::new(Instant::now());
    let tell = |progress: CopyProgress<'_>| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= PAUSE {
            *told = Instant::now();
            site.report().step(&Step::new(&title, &note(&progress)));
        }
    };
    let outcome = copy(&places, &destination, &options, Some(&tell)).await;
    site.clear();
    let copied = outcome?;
    let result = json!({
        "files": copied.files,
        "moved_bytes": copied.moved_bytes,
        "resumed_bytes": copied.resumed_bytes,
        "skipped": copied.skipped,
    });
    site.printer.result(&result, || {
        let mut text = format!("{} files, {}", copied.files, size_text(copied.moved_bytes));
        if copied.resumed_bytes > 0 {
            text.push_str(&format!(", {} were there already", size_text(copied.resumed_bytes)));
        }
        for path in &copied.skipped {
            text.push_str(&format!("\nskipped, no file nor folder: {path}"));
        }
        text
    })
}

fn note(progress: &CopyProgress<'_>) -> String {
    format!(
        "{} of {}, {} of {} files",
        size_text(progress.done_bytes),
        size_text(progress.total_bytes),
        progress.files_done,
        progress.files_total
    )
}

/// `HOST:PATH` is there, whatever else is here. A file here whose name has a `:` is written with a `/`.
async fn place(text: &str, client: &Client, tenancy: &Tenancy) -> Result<Place, Error> {
    match split(text) {
        Some((host, path)) => Ok(Place::remote(&tenancy.connect(client, host).await?, path)),
        None => Ok(Place::Local(PathBuf::from(text))),
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(host, _)| !host.is_empty() && !host.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn what_is_there_and_what_is_here() {
        assert_eq!(split("web:/srv/x"), Some(("web", "/srv/x")));
        assert_eq!(split("web:"), Some(("web", "")));
        assert_eq!(split("web:a:b"), Some(("web", "a:b")));
        for here in ["file", "./a:b", "/a:b", ":x", "dir/a:b"] {
            assert_eq!(split(here), None, "{here}");
        }
    }
}
