//! Reading an answer.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::{Error, Response};

impl Response {
    /// The first header of that name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, with the replacement character for what is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON of the expected shape.
    ///
    /// # Errors
    ///
    /// `unexpected-answer` that says where the shape differs.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|e| Error::unexpected(self, format!("the cloud's answer is not what was expected: {e}")))
    }
}
