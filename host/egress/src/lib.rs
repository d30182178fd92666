//! Every byte that leaves on behalf of a plugin: the grant, the credentials, the HTTP exchange.
//!
//! A plugin has no socket. It hands a [`Request`] to the host, in which secrets stand by name, and
//! gets a [`Response`] back. Between the two is this crate, and nothing else in the house sends
//! anything for a plugin.
//!
//! # What an attacker controls
//!
//! The plugin is hostile: it writes every field of every request, and asks for signatures. The DNS of
//! every name that is not the tenant's own is hostile: it may answer with any address, another one
//! each time. A server, even one that is granted, may answer, redirect and echo as it likes. The
//! operator, the tenant's [`Grant`], the [`Vault`]'s own credentials and the proxy are trusted.
//!
//! # What is refused
//!
//! - **Places.** A request goes only to an origin that an [`EndpointPattern`] names; the empty grant
//!   names none. Then every address that the name resolves to is looked at: what is not public is
//!   dialled only if a granted network names it ([`Grant::networks`]), or if the pattern is that very
//!   address, or `localhost`. The addresses that were looked at are those that are dialled; nothing is
//!   resolved twice. IPv6 forms that carry an IPv4 address are seen through ([`classify`]).
//! - **Credentials elsewhere.** A secret is filled in only for an endpoint that lists it, and only over
//!   TLS unless the operator said otherwise for that endpoint. Every redirect is decided like a first
//!   request; to another origin it carries no credential, and a body with one goes nowhere else.
//! - **Seeing credentials.** No method of the vault gives a value away. Captured values are blanked
//!   before the guest sees the answer, and known ones are masked in headers and body, whatever the
//!   status. Hashes of short credentials are refused, since they could be found by trying.
//! - **Smuggling.** Headers that frame messages are the host's own; values are checked after secrets
//!   are filled in; URLs have no user name.
//! - **Using things up.** Bodies (decoded while they come), headers, redirects, attempts, time,
//!   requests at once, captured credentials: each has its limit ([`HttpLimits`]).
//!
//! # What is not guaranteed
//!
//! - A granted endpoint can be told anything that the plugin knows, and what it answers without being
//!   asked to capture it is the plugin's: captures protect an honest plugin's tokens from its own
//!   logs and bugs, and the tenant from a plugin that leaks, not from one that wants the token of a
//!   session which it may use anyway.
//! - Masking knows the usual encodings ([`Redactor`]). A server that returns a secret reversed, hashed,
//!   cut in two or in another encoding shows it: grant credentials to services that do not. In answers
//!   to requests that did not use them, secrets of fewer than twelve bytes are not masked, as they may
//!   be common words; nowhere are those of fewer than four.
//! - Through a proxy the proxy resolves names, and the addresses are its own to refuse.
//! - A service on a granted address can forward to any other: networks are granted, not what is in them.
//! - Secrets are overwritten in the memory that this crate owns. The HTTP and TLS libraries have
//!   buffers of their own.
//! - Nothing hides when and how much a plugin sends.

mod address;
mod client;
mod clock;
mod denial;
mod error;
mod grant;
mod header;
mod pattern;
pub mod recording;
mod redact;
mod replay;
mod request;
mod resolve;
mod sign;
mod text;
mod vault;

pub use address::{AddressKind, SpecialAddress, classify, effective};
pub use client::{
    CaptureError, Captured, Client, Connections, Rate, back_off, check_capture, is_busy, no_answer,
    parse_retry_after, redact_response, take_captures,
};
pub use clock::{BoxFuture, Clock, SystemClock};
pub use denial::Denial;
pub use error::{HttpError, NoCredential, Oversize};
pub use grant::{CertificateAuthority, EndpointGrant, Grant, HttpLimits, Proxy};
pub use header::{HeaderError, header_name, header_value};
pub use pattern::{EndpointPattern, PatternError, Scheme, host_of, origin_of};
pub use recording::{Exchange, ExchangeSink, Outcome, Recorder};
pub use redact::{MASK, Redactor};
pub use replay::{Difference, Replayer, SteppedClock, UNCOMPARED};
pub use request::{Capture, CaptureSource, Method, Replay, Request, Response};
pub use resolve::{Resolver, SystemResolver};
pub use sign::SignError;
pub use text::{ExpandError, Part, Text, expand};
pub use vault::{CapturedCredential, Secret, Vault, VaultError};
