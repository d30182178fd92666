//! A store and its buckets.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::Method;
use opendal::options::ReaderOptions;
use opendal::{BufferStream, Operator};
use skywright_contract::Category;
use tokio::sync::RwLock;
use url::Url;

use crate::credentials::{Credentials, Keys};
use crate::error::{Error, FailureKind, Operation, from_opendal};
use crate::list::Entry;
use crate::name::{BucketName, ObjectName};
use crate::operator::{build, configuration, local_folder};
use crate::plane::{DataPlane, Network, Protocol, Settings};
use crate::transport::{Token, Transport, no_token};

/// The least that S3 and Swift take for a part that is not the last.
const MIN_PART_BYTES: usize = 5 << 20;

/// Where a tenant's objects are. A clone is the same store: it shares connections and limits.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) plane: DataPlane,
    pub(crate) settings: Settings,
    credentials: Arc<dyn Credentials>,
    transport: Arc<Transport>,
}

impl Store {
    /// Gets ready. Nothing is sent to the store; `credentials` is asked once for Swift.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] if the plane makes no sense, [`Error::Unsupported`] for
    /// [`Protocol::Gcs`], [`Error::Http`] if the grant does not allow the endpoint, and those of
    /// `credentials`.
    pub async fn open(
        plane: DataPlane,
        credentials: Arc<dyn Credentials>,
        network: Network,
        mut settings: Settings,
    ) -> Result<Self, Error> {
        settings.part_bytes = settings.part_bytes.max(MIN_PART_BYTES);
        let token = match plane.protocol {
            Protocol::Swift => match credentials.current().await? {
                Keys::Token(token) => Some(Token::new(Arc::clone(&credentials), token)),
                Keys::Access { .. } | Keys::None => return Err(no_token().into()),
            },
            _ => None,
        };
        let transport = Transport::new(&network, &settings, token);
        match plane.protocol {
            Protocol::S3 | Protocol::Swift => check_endpoint(&plane, &transport)?,
            Protocol::Local => drop(local_folder(&plane)?),
            Protocol::Gcs => {
                return Err(Error::Unsupported { operation: Operation::Open, protocol: plane.protocol });
            }
        }
        Ok(Self(Arc::new(Inner { plane, settings, credentials, transport: Arc::new(transport) })))
    }

    /// One bucket. The store is not asked whether there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Name`], those of the credentials, and for [`Protocol::Local`] [`FailureKind::NotFound`].
    pub async fn bucket(&self, name: &str) -> Result<Bucket, Error> {
        let protocol = self.0.plane.protocol;
        let name = BucketName::new(protocol, name).map_err(|reason| Error::name(name, reason))?;
        if protocol == Protocol::Local {
            let folder = local_folder(&self.0.plane)?.join(name.as_str());
            // The library would make the folder.
            if !tokio::fs::metadata(&folder).await.is_ok_and(|metadata| metadata.is_dir()) {
                return Err(Error::store(Operation::Open, name.as_str(), FailureKind::NotFound));
            }
        }
        let keys = self.0.credentials.current().await?;
        let operator = build(&self.0.plane, &name, &keys, &self.0.transport, &self.0.settings)?;
        let operator = Arc::new(RwLock::new((0, operator)));
        Ok(Bucket { store: Arc::clone(&self.0), name, operator })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("plane", &self.0.plane).finish_non_exhaustive()
    }
}

fn check_endpoint(plane: &DataPlane, transport: &Transport) -> Result<(), Error> {
    let url = Url::parse(&plane.endpoint).map_err(|_| configuration("endpoint", "it is no URL"))?;
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        return Err(configuration("endpoint", "it has a user name, a query or a fragment"));
    }
    let subject = skywright_egress::origin_of(&url);
    transport.check(&url, &Method::GET).map_err(|source| Error::Http {
        operation: Operation::Open,
        subject,
        source: Box::new(source),
    })
}

/// One bucket. A clone is the same.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) store: Arc<Inner>,
    pub(crate) name: BucketName,
    /// With the number of times that its keys were renewed.
    operator: Arc<RwLock<(u64, Operator)>>,
}

impl Bucket {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &BucketName {
        &self.name
    }

    /// How its store is spoken to.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.store.plane.protocol
    }

    /// What is known of one object.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`] and the others of a store.
    pub async fn stat(&self, name: &ObjectName) -> Result<Entry, Error> {
        self.attempt(|operator| async move { stat_with(&operator, name).await }).await
    }

    /// Reads a part of an object, or all of it: `0..u64::MAX` ends where the object does.
    ///
    /// The object is looked at first; if it changes while it is read, that is an error on S3 and Swift.
    ///
    /// # Errors
    ///
    /// [`FailureKind::NotFound`], [`Error::Configuration`] for a range that begins after the end, and the
    /// others of a store.
    pub async fn read(&self, name: &ObjectName, range: Range<u64>) -> Result<Reader, Error> {
        self.attempt(|operator| {
            let range = range.clone();
            async move {
                let entry = stat_with(&operator, name).await?;
                let range = range.start..range.end.min(entry.size_bytes);
                if range.start > range.end {
                    return Err(configuration("range", "it begins after the end of the object"));
                }
                let stream = self.stream(&operator, &entry, range.clone()).await?;
                Ok(Reader { name: name.as_str().to_owned(), left: range.end - range.start, stream })
            }
        })
        .await
    }

    pub(crate) async fn stream(
        &self,
        operator: &Operator,
        entry: &Entry,
        range: Range<u64>,
    ) -> Result<BufferStream, Error> {
        let tell = |error| from_opendal(Operation::Read, &entry.name, &error);
        let checked = self.protocol() != Protocol::Local;
        let options = ReaderOptions {
            if_match: entry.raw_etag.clone().filter(|_| checked),
            chunk: Some(self.store.settings.part_bytes),
            concurrent: 2,
            ..ReaderOptions::default()
        };
        let reader = operator.reader_options(&entry.name, options).await.map_err(tell)?;
        reader.into_stream(range).await.map_err(tell)
    }

    /// Does something; if an S3 store refuses the keys, once more with new ones. (For Swift the transport
    /// renews the token by itself, within whatever is under way.)
    pub(crate) async fn attempt<T, F>(&self, work: impl Fn(Operator) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (renewed, operator) = self.operator.read().await.clone();
        let refused = match work(operator).await {
            Err(error)
                if error.category() == Category::Unauthenticated && self.protocol() == Protocol::S3 =>
            {
                error
            }
            other => return other,
        };
        let Ok(operator) = self.renew(renewed).await else { return Err(refused) };
        work(operator).await
    }

    /// An operator with newer keys than those of `renewed`.
    async fn renew(&self, renewed: u64) -> Result<Operator, Error> {
        let mut current = self.operator.write().await;
        if current.0 == renewed {
            let keys = self.store.credentials.renew().await?;
            let store = &self.store;
            let operator = build(&store.plane, &self.name, &keys, &store.transport, &store.settings)?;
            *current = (renewed + 1, operator);
        }
        Ok(current.1.clone())
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

pub(crate) async fn stat_with(operator: &Operator, name: &ObjectName) -> Result<Entry, Error> {
    let metadata = operator.stat(name.as_str()).await;
    let metadata = metadata.map_err(|error| from_opendal(Operation::Stat, name.as_str(), &error))?;
    if metadata.is_dir() {
        return Err(Error::store(Operation::Stat, name.as_str(), FailureKind::NotFound));
    }
    Ok(Entry::of(name.as_str(), &metadata))
}

/// An object as it comes.
pub struct Reader {
    name: String,
    left: u64,
    stream: BufferStream,
}

impl Reader {
    /// How many bytes are still to come.
    #[must_use]
    pub fn remaining_bytes(&self) -> u64 {
        self.left
    }

    /// The next bytes; `None` after the last. It may be dropped and called again.
    ///
    /// # Errors
    ///
    /// Those of a store; [`FailureKind::CutShort`] if fewer bytes came than the object has.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = next_bytes(&mut self.stream, &self.name).await?;
        match &next {
            Some(bytes) => self.left = self.left.saturating_sub(bytes.len() as u64),
            None if self.left > 0 => {
                return Err(Error::store(Operation::Read, &self.name, FailureKind::CutShort));
            }
            None => {}
        }
        Ok(next)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("name", &self.name).field("left", &self.left).finish_non_exhaustive()
    }
}

pub(crate) async fn next_bytes(stream: &mut BufferStream, name: &str) -> Result<Option<Bytes>, Error> {
    match stream.next().await {
        None => Ok(None),
        Some(Ok(buffer)) => Ok(Some(buffer.to_bytes())),
        Some(Err(error)) => Err(from_opendal(Operation::Read, name, &error)),
    }
}
