//! The library's view of one bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opendal::layers::{RetryEvent, RetryInterceptor, RetryLayer};
use opendal::services::{Fs, S3, Swift};
use opendal::{HttpTransporter, OperationContext, Operator};

use crate::credentials::Keys;
use crate::error::{Error, Operation, from_opendal};
use crate::name::BucketName;
use crate::plane::{DataPlane, Protocol, Settings};
use crate::transport::{Shared, Transport, no_token};

const LONGEST_DELAY: Duration = Duration::from_secs(20);
/// No bucket is called so: their names do not begin with a dot.
const UNFINISHED: &str = ".unfinished";
const DEFAULT_REGION: &str = "us-east-1";

/// The library would log the error with the words of the server.
struct Silent;

impl RetryInterceptor for Silent {
    fn intercept(&self, _: RetryEvent<'_>) {}
}

/// An operator for a bucket. No limit of time or number is layered onto it: the transport keeps those,
/// as it alone sees whether bytes move.
pub(crate) fn build(
    plane: &DataPlane,
    bucket: &BucketName,
    keys: &Keys,
    transport: &Arc<Transport>,
    settings: &Settings,
) -> Result<Operator, Error> {
    let operator = match plane.protocol {
        Protocol::S3 => s3(plane, bucket, keys)?,
        Protocol::Swift => swift(plane, bucket, keys)?,
        Protocol::Local => {
            let endpoint = local_folder(plane)?;
            let root = endpoint.join(bucket.as_str());
            // Files are written there first, so that one that was cut short is no object.
            let unfinished = endpoint.join(UNFINISHED);
            Operator::new(Fs::default().root(utf8(&root)?).atomic_write_dir(utf8(&unfinished)?))
        }
        Protocol::Gcs => {
            return Err(Error::Unsupported { operation: Operation::Open, protocol: Protocol::Gcs });
        }
    };
    let operator = operator.map_err(|error| from_opendal(Operation::Open, bucket.as_str(), &error))?;
    let retry = RetryLayer::new()
        .with_notify(Silent)
        .with_jitter()
        .with_min_delay(settings.retry_delay)
        .with_max_delay(LONGEST_DELAY)
        .with_max_times(settings.retries);
    let context =
        OperationContext::default().with_http_transport(HttpTransporter::new(Shared(Arc::clone(transport))));
    Ok(operator.with_context(context).layer(retry))
}

fn s3(plane: &DataPlane, bucket: &BucketName, keys: &Keys) -> Result<opendal::Result<Operator>, Error> {
    let Keys::Access { access_key, secret_key, session_token } = keys else {
        return Err(configuration("credentials", "s3 needs an access key and a secret key"));
    };
    let mut service = S3::default()
        .endpoint(plane.endpoint.trim_end_matches('/'))
        .bucket(bucket.as_str())
        .region(plane.region.as_deref().unwrap_or(DEFAULT_REGION))
        .access_key_id(access_key.expose())
        .secret_access_key(secret_key.expose())
        // This machine's own keys are none of the tenant's.
        .disable_config_load()
        .disable_ec2_metadata();
    if let Some(token) = session_token {
        service = service.session_token(token.expose());
    }
    match plane.attributes.get("addressing").map(String::as_str) {
        None | Some("path") => {}
        Some("virtual-host") => service = service.enable_virtual_host_style(),
        Some(_) => return Err(configuration("addressing", "it is neither `path` nor `virtual-host`")),
    }
    Ok(Operator::new(service))
}

fn swift(plane: &DataPlane, bucket: &BucketName, keys: &Keys) -> Result<opendal::Result<Operator>, Error> {
    // The transport puts the token in, so that a renewed one serves what is under way.
    let Keys::Token(_) = keys else { return Err(no_token().into()) };
    let service =
        Swift::default().endpoint(plane.endpoint.trim_end_matches('/')).container(bucket.as_str()).token("-");
    Ok(Operator::new(service))
}

/// The folder that local buckets are in.
pub(crate) fn local_folder(plane: &DataPlane) -> Result<PathBuf, Error> {
    let path = PathBuf::from(&plane.endpoint);
    if path.is_absolute() { Ok(path) } else { Err(configuration("endpoint", "it is no absolute folder")) }
}

fn utf8(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or(configuration("endpoint", "it is no UTF-8"))
}

pub(crate) fn configuration(subject: &'static str, reason: &'static str) -> Error {
    Error::Configuration { subject, reason }
}
