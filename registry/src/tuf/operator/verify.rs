//! A repository as a new client sees it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use serde::Serialize;

use super::Operator;
use super::change::{Change, Overlay};
use crate::error::Error;
use crate::tuf::client::{Client, Layout};
use crate::tuf::name::Namespace;
use crate::tuf::path::TargetPath;
use crate::tuf::revocation::Revocations;
use crate::tuf::store::Store;
use crate::tuf::target::Versions;
use crate::tuf::verifier::Verifier;

/// What a new client finds.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The versions of the top-level roles.
    pub versions: Versions,
    /// When the timestamp ends.
    pub expires: Timestamp,
    /// Each publisher by itself: what is wrong with one is no other's trouble.
    pub publishers: Vec<PublisherReport>,
}

/// What a new client finds of one publisher.
#[derive(Debug, Serialize)]
pub struct PublisherReport {
    /// Whose.
    pub namespace: Namespace,
    /// How many files are listed.
    pub files: usize,
    /// When the first of its roles ends; `None` if nothing was published yet.
    pub expires: Option<Timestamp>,
    /// What is wrong, in words; `None` if nothing is.
    pub problem: Option<String>,
}

impl Operator {
    /// Looks at the whole repository with a new client's eyes; with `files`, every file is read and held against its
    /// digest too.
    ///
    /// # Errors
    ///
    /// What is wrong with the top-level roles. What is wrong with a publisher is in the report.
    pub fn verify(&self, files: bool, now: Timestamp) -> Result<Report, Error> {
        let mut client = new_client(self, &Change::default())?;
        let versions = ready(client.refresh(now))??;
        check_revocations(&mut client, now)?;
        let mut publishers = Vec::new();
        for namespace in client.namespaces()? {
            publishers.push(look_at(&mut client, namespace, files, now)?);
        }
        Ok(Report { versions, expires: client.expires()?, publishers })
    }
}

fn look_at(
    client: &mut Client,
    namespace: Namespace,
    files: bool,
    now: Timestamp,
) -> Result<PublisherReport, Error> {
    let mut report = PublisherReport { namespace: namespace.clone(), files: 0, expires: None, problem: None };
    let targets = match ready(client.list(&namespace, now))? {
        Ok(targets) => targets,
        Err(error) => {
            report.problem = Some(error.to_string());
            return Ok(report);
        }
    };
    report.files = targets.len();
    report.expires =
        targets.iter().flat_map(|target| target.chain.iter().skip(1)).map(|role| role.expires).min();
    for target in targets.iter().filter(|_| files) {
        if let Err(error) = ready(client.fetch(target))? {
            report.problem = Some(error.to_string());
            break;
        }
    }
    Ok(report)
}

/// The versions that a new client would have after the change.
pub(super) fn as_new_client(operator: &Operator, change: &Change, now: Timestamp) -> Result<Versions, Error> {
    let mut client = new_client(operator, change)?;
    let versions = ready(client.refresh(now))??;
    check_revocations(&mut client, now)?;
    Ok(versions)
}

pub(super) fn new_client(operator: &Operator, change: &Change) -> Result<Client, Error> {
    let store = Store::in_memory(&operator.first_root()?);
    let overlay: Overlay = change.over(&operator.folder);
    Ok(Client::new(store, Arc::new(overlay), Layout::Publishers))
}

fn check_revocations(client: &mut Client, now: Timestamp) -> Result<(), Error> {
    match ready(client.resolve(&TargetPath::revocations(), now))? {
        Ok(target) => Revocations::read(&ready(client.fetch(&target))??).map(drop),
        Err(Error::NotListed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What a future gives that never waits: reading a folder does not.
pub(super) fn ready<F: Future>(future: F) -> Result<F::Output, Error> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => {
            Err(Error::Transport { location: "a folder".to_owned(), reason: "reading it waits".to_owned() })
        }
    }
}
