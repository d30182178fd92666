//! Requests to one service of a cloud.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::{Capture, CaptureSource, HttpError, Method, Request};
use crate::json_text::json_text;
use crate::url::{encode, join};
use crate::{Error, ErrorMap, Pages, Replay, Response, Text, host};

/// One service: where it is, what every request to it carries, how its errors read.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    headers: Vec<(String, Text)>,
    bucket: Option<String>,
    errors: &'static ErrorMap,
    renewal: Option<fn() -> Result<(), Error>>,
}

impl Client {
    /// A service at a base URL, to which the paths of requests are joined.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            headers: Vec::new(),
            bucket: None,
            errors: &ErrorMap::BY_STATUS,
            renewal: None,
        }
    }

    /// With a header on every request.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Text>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Counted against a rate of [`DriverInfo::rates`](crate::driver::DriverInfo), by its bucket.
    #[must_use]
    pub fn with_bucket(mut self, bucket: impl Into<String>) -> Self {
        self.bucket = Some(bucket.into());
        self
    }

    /// With this cloud's way of saying what went wrong; the status alone otherwise.
    #[must_use]
    pub fn with_errors(mut self, errors: &'static ErrorMap) -> Self {
        self.errors = errors;
        self
    }

    /// With a new login after a 401. The request, which was refused, is sent once more: it names the
    /// captured token, so it goes out with the new one.
    #[must_use]
    pub fn with_renewal(mut self, login: fn() -> Result<(), Error>) -> Self {
        self.renewal = Some(login);
        self
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads; sent again as often as the host likes.
    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::Get, path, Replay::Safe)
    }

    /// Reads the headers alone.
    pub fn head(&self, path: &str) -> Call<'_> {
        self.call(Method::Head, path, Replay::Safe)
    }

    /// Changes; not sent again once a byte has left, unless [`Call::replay`] says that it may be.
    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::Post, path, Replay::Mutating)
    }

    /// Sets; twice is as once.
    pub fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::Put, path, Replay::Idempotent)
    }

    /// Changes; as [`post`](Self::post).
    pub fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::Patch, path, Replay::Mutating)
    }

    /// Deletes; twice is as once, though the second answer may be a 404.
    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::Delete, path, Replay::Idempotent)
    }

    /// A listing at `path`, page by page.
    pub fn pages(&self, path: &str) -> Pages<'_> {
        Pages::new(self, path)
    }

    fn call(&self, method: Method, path: &str, replay: Replay) -> Call<'_> {
        let request = Request {
            method,
            url: join(&self.base, path),
            replay,
            bucket: self.bucket.clone(),
            headers: Vec::new(),
            body: None,
            captures: Vec::new(),
            timeout_ms: None,
        };
        Call { client: self, request, headers: self.headers.clone(), defect: None }
    }
}

/// A request that is being put together; [`send`](Self::send) or [`json`](Self::json) sends it.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Call<'a> {
    client: &'a Client,
    request: Request,
    headers: Vec<(String, Text)>,
    defect: Option<Error>,
}

impl Call<'_> {
    /// With a parameter in the query, encoded.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        let separator = if self.request.url.contains('?') { '&' } else { '?' };
        self.request.url.push(separator);
        self.request.url.push_str(&format!("{}={}", encode(name), encode(&value.to_string())));
        self
    }

    /// With a parameter in the query, if there is a value.
    pub fn query_if(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// With a header, instead of the client's own of that name.
    pub fn header(mut self, name: &str, value: impl Into<Text>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a body of JSON, in which a [`Secret`](crate::Secret) stands as a string.
    pub fn json_body(self, value: &(impl Serialize + ?Sized)) -> Self {
        self.json_text(json_text(|| value))
    }

    /// As [`json_body`](Self::json_body), for `serde_json::json!`, which must make the value itself.
    /// `make` may be called more than once.
    pub fn json_with<T: Serialize>(self, make: impl Fn() -> T) -> Self {
        self.json_text(json_text(make))
    }

    fn json_text(mut self, text: Result<Text, Error>) -> Self {
        match text {
            Ok(text) => self.body("application/json", text),
            Err(error) => {
                self.defect = Some(error);
                self
            }
        }
    }

    /// With a form, of which both the plain values and the secrets are percent-encoded.
    pub fn form<'f>(self, fields: impl IntoIterator<Item = (&'f str, Text)>) -> Self {
        self.body("application/x-www-form-urlencoded", Text::form(fields))
    }

    /// With a body of text.
    pub fn body(mut self, content_type: &str, text: impl Into<Text>) -> Self {
        self.request.body = Some(text.into().into_parts());
        self.header("content-type", content_type)
    }

    /// What sending it twice would do, where the method does not say.
    pub fn replay(mut self, replay: Replay) -> Self {
        self.request.replay = replay;
        self
    }

    /// Counted against another bucket than the client's.
    pub fn bucket(mut self, bucket: &str) -> Self {
        self.request.bucket = Some(bucket.to_owned());
        self
    }

    /// Has the host keep a response header as a credential, for `ttl_s` seconds, unseen.
    pub fn capture_header(self, header: &str, credential: &str, ttl_s: u32) -> Self {
        self.capture(CaptureSource::Header(header.to_owned()), credential, ttl_s)
    }

    /// Has the host keep a string of the JSON body, at a JSON pointer, as a credential, unseen.
    pub fn capture_json(self, pointer: &str, credential: &str, ttl_s: u32) -> Self {
        self.capture(CaptureSource::JsonPointer(pointer.to_owned()), credential, ttl_s)
    }

    fn capture(mut self, source: CaptureSource, credential: &str, ttl_s: u32) -> Self {
        self.request.captures.push(Capture { source, credential: credential.to_owned(), ttl_s });
        self
    }

    /// At most so long, resends included.
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.request.timeout_ms = Some(timeout_ms);
        self
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// What the client's [`ErrorMap`] makes of a status from 400 on, or [`Error::of_exchange`] where
    /// there is no answer. After a 401, the error of the renewal if that fails.
    pub fn send(self) -> Result<Response, Error> {
        let (client, replay) = (self.client, self.request.replay);
        let request = self.into_request()?;
        let exchange = || host::send(&request).map_err(|error| Error::of_exchange(error, replay));
        let mut response = exchange()?;
        if let (401, Some(renew)) = (response.status, client.renewal) {
            renew()?;
            response = exchange()?;
        }
        if response.status < 400 { Ok(response) } else { Err(client.errors.error(&response, replay)) }
    }

    /// Sends it and reads the answer as JSON.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`Response::json`].
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        self.send()?.json()
    }

    /// Sends it and gives back the answer, whatever its status: no error map, no renewal.
    ///
    /// # Errors
    ///
    /// The host's own, or [`HttpError::Invalid`] for a body that could not be written.
    pub fn exchange(self) -> Result<Response, HttpError> {
        let request = self.into_request().map_err(|error| HttpError::Invalid(error.message))?;
        host::send(&request)
    }

    fn into_request(self) -> Result<Request, Error> {
        if let Some(defect) = self.defect {
            return Err(defect);
        }
        let mut request = self.request;
        request.headers = self.headers.into_iter().map(|(name, value)| (name, value.into_parts())).collect();
        Ok(request)
    }
}
