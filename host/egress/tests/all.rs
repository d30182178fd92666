//! Whole exchanges, against servers on this machine that speak HTTP/1.1 by hand.
//!
//! What they do not prove: HTTP/2 (the servers do not speak it), the operating system's own resolver
//! and certificates, and how a real cloud words its answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "all/addresses.rs"]
mod addresses;
#[path = "all/answers.rs"]
mod answers;
#[path = "all/captures.rs"]
mod captures;
#[path = "all/credentials.rs"]
mod credentials;
#[path = "all/redirects.rs"]
mod redirects;
#[path = "all/resends.rs"]
mod resends;
#[path = "all/rig.rs"]
mod rig;
#[path = "all/site.rs"]
mod site;
