//! The families of the contract, each by the modules that know it. Every one is called with the dialect's
//! profile as the current one.

use std::fmt;
use std::marker::PhantomData;

use skywright_sdk::catalog::{ImagePage, TemplatePage, Zone};
use skywright_sdk::prelude::*;

use crate::profile::Profile;
use crate::{capabilities, cloud, description, image, operation, template, validation, zone};

/// One kind of OpenStack cloud; [`plugin!`](crate::plugin) makes it.
pub trait Dialect {
    /// What sets it apart.
    const PROFILE: &'static Profile;
}

/// The provider of a dialect.
pub struct Provider<D>(PhantomData<D>);

impl<D: Dialect> fmt::Debug for Provider<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&D::PROFILE.name).finish()
    }
}

/// Runs in the dialect.
fn of<D: Dialect, T>(work: impl FnOnce() -> T) -> T {
    D::PROFILE.scope(work)
}

impl<D: Dialect> Driver for Provider<D> {
    fn describe() -> DriverInfo {
        of::<D, _>(description::driver_info)
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        of::<D, _>(|| validation::findings(&given))
    }

    fn capabilities_of(region: String) -> Result<Capabilities, Error> {
        of::<D, _>(|| capabilities::of_region(&region))
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        of::<D, _>(|| skywright_sdk::operation::poll::<operation::Change>(&token))
    }

    fn cancel(token: String) -> Result<Outcome, Error> {
        of::<D, _>(|| skywright_sdk::operation::cancel::<operation::Change>(&token))
    }
}

impl<D: Dialect> Catalog for Provider<D> {
    fn regions() -> Result<Vec<String>, Error> {
        of::<D, _>(|| Ok(cloud::Cloud::open()?.regions()))
    }

    fn zones() -> Result<Vec<Zone>, Error> {
        of::<D, _>(zone::all)
    }

    fn templates(cursor: Option<String>) -> Result<TemplatePage, Error> {
        of::<D, _>(|| template::page(cursor.as_deref()))
    }

    fn images(cursor: Option<String>) -> Result<ImagePage, Error> {
        of::<D, _>(|| image::page(cursor.as_deref()))
    }
}
