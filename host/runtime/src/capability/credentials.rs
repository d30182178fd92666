//! `skywright:host/credentials`: signatures with secrets that stay here.

use skywright_egress::SignError;

use crate::bindings::skywright::host::credentials::{Host, SignError as WitSignError};
use crate::guest::Guest;

type Signed<T> = wasmtime::Result<Result<T, WitSignError>>;

impl Host for Guest {
    fn available(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(self.session.vault().available(&name))
    }

    fn forget(&mut self, name: String) -> wasmtime::Result<()> {
        self.session.vault().forget(&name);
        Ok(())
    }

    fn hmac_sha256(&mut self, credential: String, prefix: String, steps: Vec<Vec<u8>>) -> Signed<Vec<u8>> {
        Ok(self.session.vault().hmac_sha256(&credential, &prefix, &steps).map_err(refused))
    }

    fn rs256(&mut self, credential: String, message: Vec<u8>) -> Signed<Vec<u8>> {
        Ok(self.session.vault().rs256(&credential, &message).map_err(refused))
    }

    fn sha1_with(&mut self, credential: String, before: String, after: String) -> Signed<String> {
        Ok(self.session.vault().sha1_with(&credential, &before, &after).map_err(refused))
    }
}

fn refused(error: SignError) -> WitSignError {
    match error {
        SignError::NoCredential { .. } => WitSignError::NoCredential(error.to_string()),
        _ => WitSignError::Unsupported(error.to_string()),
    }
}
