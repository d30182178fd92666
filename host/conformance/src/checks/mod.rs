//! The checks, one file a family.

mod abilities;
mod addresses;
mod catalog;
pub(crate) mod cleanup;
mod driver;
pub(crate) mod hosts;
mod keypairs;
pub(crate) mod networks;
mod object_storage;
mod quotas;
mod security_groups;
mod subnets;
mod virtual_ips;
mod volumes;

use crate::check::Check;

/// In the order in which they run: what is cheap first, and what holds others last.
pub(crate) const ALL: &[&[Check]] = &[
    driver::CHECKS,
    catalog::CHECKS,
    quotas::CHECKS,
    keypairs::CHECKS,
    networks::CHECKS,
    subnets::CHECKS,
    security_groups::CHECKS,
    hosts::CHECKS,
    addresses::CHECKS,
    virtual_ips::CHECKS,
    volumes::CHECKS,
    object_storage::CHECKS,
    abilities::CHECKS,
    hosts::LAST,
    cleanup::CHECKS,
];

/// `check!(FAMILY, NAME, function, TITLE)`.
macro_rules! check {
    ($family:literal, $name:literal, $work:expr, $title:literal) => {
        crate::check::Check {
            family: $family,
            name: $name,
            title: $title,
            work: |context| Box::pin($work(context)),
        }
    };
}
pub(crate) use check;
