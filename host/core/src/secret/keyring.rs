//! The system's keyring: the Secret Service on the user's session bus, as desktops have it.

use std::collections::HashMap;
use std::time::Duration;

use secret_service::{EncryptionType, Error, SecretService};
use zeroize::Zeroizing;

/// The attributes of our items are `service` and `username`, as other programs write them too.
const SERVICE: &str = "skywright";
/// How long somebody has to unlock the keyring.
const PATIENCE: Duration = Duration::from_secs(120);

/// The secret of the item of this name.
pub(super) async fn get(name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    in_time(async {
        let service = connect().await?;
        let found = service.search_items(attributes(name)).await.map_err(|error| explain(&error))?;
        let item = match (found.unlocked.first(), found.locked.first()) {
            (Some(item), _) => item,
            (None, Some(item)) => {
                item.unlock().await.map_err(|error| explain(&error))?;
                item
            }
            (None, None) => {
                return Err(format!(
                    "the keyring has no item with service={SERVICE} username={name}; \
                     `skywright tenant secret set TENANT KEY --keyring` makes one"
                ));
            }
        };
        Ok(Zeroizing::new(item.get_secret().await.map_err(|error| explain(&error))?))
    })
    .await
}

/// Makes the item of this name, or replaces what is in it.
pub(super) async fn set(name: &str, secret: &[u8]) -> Result<(), String> {
    in_time(async {
        let service = connect().await?;
        let collection = service.get_default_collection().await.map_err(|error| explain(&error))?;
        collection.unlock().await.map_err(|error| explain(&error))?;
        let label = format!("Skywright: {name}");
        let made = collection.create_item(&label, attributes(name), secret, true, "text/plain").await;
        made.map(drop).map_err(|error| explain(&error))
    })
    .await
}

async fn in_time<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| Err(format!("the keyring was not unlocked within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(late)
}

async fn connect<'a>() -> Result<SecretService<'a>, String> {
    SecretService::connect(EncryptionType::Dh).await.map_err(|error| explain(&error))
}

fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", name)])
}

fn explain(error: &Error) -> String {
    match error {
        Error::Unavailable | Error::Zbus(_) | Error::ZbusFdo(_) => format!(
            "no keyring answers on the session bus ({error}); start one, such as gnome-keyring or KWallet, \
             or keep the secret sealed: `skywright tenant secret set TENANT KEY`"
        ),
        Error::Locked | Error::Prompt | Error::PromptDisconnected => "the keyring stayed locked".to_owned(),
        other => format!("the keyring failed: {other}"),
    }
}
