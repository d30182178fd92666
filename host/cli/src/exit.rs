//! Exit codes: a documented part of the interface (see `docs/exit-codes.md`), never renumbered.

use skywright_contract::{Blame, Category};

/// It was done.
pub(crate) const SUCCESS: u8 = 0;
/// It failed, and none of the others says why.
pub(crate) const FAILED: u8 = 1;
/// The command line, a setting or an argument makes no sense.
pub(crate) const USAGE: u8 = 2;
/// There is no such thing.
pub(crate) const NOT_FOUND: u8 = 4;
/// It took too long.
pub(crate) const TIMEOUT: u8 = 5;
/// The cloud, the network or a file does not answer now; it may later.
pub(crate) const UNAVAILABLE: u8 = 6;
/// Something else is in the way: a conflict, or it is in use.
pub(crate) const CONFLICT: u8 = 7;
/// It is there already.
pub(crate) const ALREADY_EXISTS: u8 = 8;
/// It cannot be done here.
pub(crate) const UNSUPPORTED: u8 = 9;
/// Credentials are missing or wrong.
pub(crate) const UNAUTHENTICATED: u8 = 10;
/// It is not allowed: by the cloud, by a grant, or by a policy.
pub(crate) const FORBIDDEN: u8 = 11;
/// A quota is used up, or too much was asked at once.
pub(crate) const QUOTA: u8 = 12;
/// It may have been carried out: look before asking again.
pub(crate) const OUTCOME_UNKNOWN: u8 = 13;
/// The file is not a plugin that keeps the contract.
pub(crate) const PLUGIN_REFUSED: u8 = 20;
/// The plugin crashed.
pub(crate) const PLUGIN_CRASHED: u8 = 21;
/// The plugin met one of the sandbox's limits.
pub(crate) const PLUGIN_LIMIT: u8 = 22;
/// A check of `plugin conformance` or `plugin test` failed, or a replay differs from its recording.
pub(crate) const CHECKS_FAILED: u8 = 23;
/// `ssh run`: the command ran, and failed on a host.
pub(crate) const REMOTE_FAILED: u8 = 24;
/// A defect of skywright.
pub(crate) const INTERNAL: u8 = 30;
/// Somebody stopped it (128 + SIGINT).
pub(crate) const CANCELLED: u8 = 130;

/// `ssh HOST`: a signal ended what ran there, as plain `ssh` has it.
pub(crate) const REMOTE_SIGNAL: u8 = 255;

/// The exit code of an error, by what it is and whose it is.
pub(crate) fn code(category: Category, blame: Blame) -> u8 {
    match (category, blame) {
        (Category::InvalidRequest, Blame::Plugin) => PLUGIN_REFUSED,
        (Category::Internal, Blame::Plugin) => PLUGIN_CRASHED,
        (Category::Quota | Category::Timeout, Blame::Plugin) => PLUGIN_LIMIT,
        (Category::Internal, _) => INTERNAL,
        (Category::InvalidRequest, _) => USAGE,
        (Category::Unauthenticated, _) => UNAUTHENTICATED,
        (Category::Forbidden, _) => FORBIDDEN,
        (Category::NotFound, _) => NOT_FOUND,
        (Category::AlreadyExists, _) => ALREADY_EXISTS,
        (Category::Conflict | Category::InUse, _) => CONFLICT,
        (Category::Quota | Category::Capacity | Category::RateLimited, _) => QUOTA,
        (Category::Unavailable, _) => UNAVAILABLE,
        (Category::Timeout, _) => TIMEOUT,
        (Category::Cancelled, _) => CANCELLED,
        (Category::OutcomeUnknown, _) => OUTCOME_UNKNOWN,
        (Category::Unsupported, _) => UNSUPPORTED,
        (Category::Other, _) => FAILED,
    }
}
