//! How long is waited, and how much is kept.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::Algorithm;
use russh::{Preferred, cipher};

use crate::host_key::HostKeys;
use crate::target::Endpoint;

/// How much a server may send on a channel before it waits for us.
const WINDOW_BYTES: u32 = 8 << 20;

/// How many packets of a channel wait for whoever reads them. Once they are used up the whole connection waits
/// for that reader; a packet has 32 KiB at most.
const WAITING_PACKETS: usize = 512;

/// How long is waited, and how many sessions share a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// For a connection, signing in included, and for a gateway to pass one on. Default: 15 s.
    pub connect_timeout: Duration,
    /// When the next gateway is tried beside one that has not answered. Default: 3 s.
    pub fail_over_after: Duration,
    /// When a silent server is asked whether it is there; after three questions the connection counts as
    /// lost. Default: 5 s.
    pub keep_alive_interval: Duration,
    /// How many sessions one connection has at most. Default: 10, as in OpenSSH's server (`MaxSessions`);
    /// a server that takes fewer is noticed.
    pub sessions_per_connection: usize,
    /// How many connections there are to one target at most. Default: 8.
    pub connections_per_target: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            fail_over_after: Duration::from_secs(3),
            keep_alive_interval: Duration::from_secs(5),
            sessions_per_connection: 10,
            connections_per_target: 8,
        }
    }
}

impl Settings {
    pub(crate) fn transport(&self, endpoint: &Endpoint) -> Arc<russh::client::Config> {
        Arc::new(russh::client::Config {
            window_size: WINDOW_BYTES,
            channel_buffer_size: WAITING_PACKETS,
            keepalive_interval: Some(self.keep_alive_interval),
            keepalive_max: 3,
            nodelay: true,
            preferred: Preferred {
                cipher: Cow::Borrowed(ciphers()),
                key: Cow::Owned(host_key_algorithms(&endpoint.host_keys)),
                ..Preferred::DEFAULT
            },
            ..Default::default()
        })
    }
}

/// AES-GCM first where the processor has AES, which makes it twice as fast as ChaCha20.
fn ciphers() -> &'static [cipher::Name] {
    const WITH_AES: &[cipher::Name] = &[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR];
    const WITHOUT: &[cipher::Name] = &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_256_CTR];
    #[cfg(target_arch = "x86_64")]
    let has_aes =
        std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    let has_aes = std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let has_aes = false;
    if has_aes { WITH_AES } else { WITHOUT }
}

/// The kinds of the pinned keys first: a server shows one key only, of the first kind that both know. RSA is
/// not among them, as this build cannot check its signatures.
fn host_key_algorithms(host_keys: &HostKeys) -> Vec<Algorithm> {
    let mut algorithms: Vec<_> = host_keys.known().map(|key| key.algorithm()).collect();
    let rest = Preferred::DEFAULT.key.iter().filter(|algorithm| !matches!(algorithm, Algorithm::Rsa { .. }));
    for algorithm in rest {
        if !algorithms.contains(algorithm) {
            algorithms.push(algorithm.clone());
        }
    }
    algorithms
}
