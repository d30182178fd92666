//! The secrets that a store asks for, and new ones when they have expired.

use skywright_contract::Category;
use skywright_egress::{BoxFuture, Secret};

/// What a store is shown. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub enum Keys {
    /// For S3.
    Access {
        /// The name of the key.
        access_key: Secret,
        /// The key: it signs and is not sent.
        secret_key: Secret,
        /// What goes along with keys that expire.
        session_token: Option<Secret>,
    },
    /// For Swift: a token of Keystone's or of Swift's own.
    Token(Secret),
    /// For local folders.
    None,
}

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CredentialsError {
    /// The category, as whoever was asked for keys puts it.
    pub category: Category,
    /// What happened, without secrets.
    pub reason: String,
}

/// Where keys come from. Called by several tasks at once.
pub trait Credentials: Send + Sync {
    /// Those that are used now.
    fn current(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>>;

    /// New ones, after the store has refused those that [`current`](Self::current) gave. Asked for at
    /// most once for each request that is refused. Requests that are refused together ask together:
    /// an implementation does well to sign in once for them.
    fn renew(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>>;
}

/// Keys that do not change. They cannot be renewed.
#[derive(Debug, Clone)]
pub struct StaticCredentials(pub Keys);

impl Credentials for StaticCredentials {
    fn current(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(async {
            let reason = "the keys were refused and cannot be renewed".to_owned();
            Err(CredentialsError { category: Category::Unauthenticated, reason })
        })
    }
}
