//! Buckets: folders of this machine, an object a file. The host moves their bytes.

use skywright_sdk::object_storage::{Bucket, BucketPage, DataPlane, Guest, Protocol};
use skywright_sdk::prelude::*;

use crate::Local;
use crate::bindings::machines;

/// The host knows where that is; this plugin does not.
const ENDPOINT: &str = "machines";

impl Guest for Local {
    fn access(_renew: bool) -> Result<DataPlane, Error> {
        Ok(DataPlane {
            protocol: Protocol::Local,
            endpoint: ENDPOINT.to_owned(),
            region: None,
            credentials: Vec::new(),
            attributes: Vec::new(),
        })
    }

    fn create(name: String) -> Result<Bucket, Error> {
        machines::create_bucket(&name).map(of_bucket)
    }

    fn list(_cursor: Option<String>) -> Result<BucketPage, Error> {
        Ok(BucketPage { items: machines::buckets()?.into_iter().map(of_bucket).collect(), next: None })
    }

    fn delete(name: String) -> Result<(), Error> {
        machines::delete_bucket(&name)
    }
}

fn of_bucket(bucket: machines::Bucket) -> Bucket {
    Bucket { name: bucket.name, region: None, created_at: bucket.created_at }
}
