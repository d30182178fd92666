//! Changes that the cloud makes in its own time, as state machines.
//!
//! A plugin has one type for all of them, usually an enum with a variant per step: each poll is one step.
//! What the host keeps between two polls, its token, is that value as JSON; nothing else survives.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bindings::host::skywright::provider::changes::{Outcome, Pending};
use crate::{Category, Error};

/// The most steps that one poll takes without the host in between.
const MOST_STEPS: usize = 16;

/// The state of a long change.
pub trait Operation: Serialize + DeserializeOwned {
    /// Raised when the shape changes so that old tokens no longer fit.
    const VERSION: u32 = 1;

    /// Looks how far it is, and goes on where it can.
    ///
    /// # Errors
    ///
    /// Those after which the change has failed. A retryable one is polled again with the same token.
    fn step(self) -> Result<Progress<Self>, Error>;

    /// Gives it up, as far as that is possible: the first step of going back.
    ///
    /// # Errors
    ///
    /// `unsupported`, unless overridden.
    fn cancel(self) -> Result<Progress<Self>, Error> {
        Err(Error::unsupported("cancel", "this change cannot be cancelled"))
    }
}

/// How far a step came.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<O> {
    /// It is over; the id of the resource.
    Done(String),
    /// On to the next step at once.
    Next(O),
    /// To be looked at again.
    Wait {
        /// From here.
        operation: O,
        /// Not before so long.
        after_ms: u32,
        /// How far it is, 0 to 100, where the cloud says so.
        percent: Option<u8>,
        /// For people: what is waited for.
        note: String,
    },
}

impl<O> Progress<O> {
    /// To be looked at again after a while.
    #[must_use]
    pub fn wait(operation: O, after_ms: u32, note: impl Into<String>) -> Self {
        Self::Wait { operation, after_ms, percent: None, note: note.into() }
    }

    /// The same of an operation that contains this one.
    #[must_use]
    pub fn map<P>(self, convert: impl FnOnce(O) -> P) -> Progress<P> {
        match self {
            Self::Done(id) => Progress::Done(id),
            Self::Next(operation) => Progress::Next(convert(operation)),
            Self::Wait { operation, after_ms, percent, note } => {
                Progress::Wait { operation: convert(operation), after_ms, percent, note }
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token<O> {
    version: u32,
    operation: O,
}

/// Takes the first step of a change: what a `create` or `delete` answers.
///
/// # Errors
///
/// Those of the step.
pub fn start<O: Operation>(operation: O) -> Result<Outcome, Error> {
    run(Progress::Next(operation))
}

/// Goes on with a change whose first step was taken already, as by a create that needs more than a token holds.
///
/// # Errors
///
/// Those of the steps that follow at once.
pub fn go_on<O: Operation>(progress: Progress<O>) -> Result<Outcome, Error> {
    run(progress)
}

/// Goes on from a progress: what a `create` answers that took its first step by itself.
///
/// # Errors
///
/// Those of the steps.
pub fn resume<O: Operation>(progress: Progress<O>) -> Result<Outcome, Error> {
    run(progress)
}

/// `driver.poll`.
///
/// # Errors
///
/// `unknown-token` for one that is not of this plugin and version, and those of the step.
pub fn poll<O: Operation>(token: &str) -> Result<Outcome, Error> {
    run(Progress::Next(read::<O>(token)?))
}

/// `driver.cancel`.
///
/// # Errors
///
/// As [`poll`].
pub fn cancel<O: Operation>(token: &str) -> Result<Outcome, Error> {
    run(read::<O>(token)?.cancel()?)
}

fn run<O: Operation>(mut progress: Progress<O>) -> Result<Outcome, Error> {
    for _ in 0..MOST_STEPS {
        progress = match progress {
            Progress::Done(id) => return Ok(Outcome::Done(id)),
            Progress::Next(operation) => operation.step()?,
            Progress::Wait { operation, after_ms, percent, note } => {
                let token = write(&operation)?;
                return Ok(Outcome::Pending(Pending { token, poll_after_ms: after_ms, percent, note }));
            }
        };
    }
    let message = format!("the change took {MOST_STEPS} steps and neither ended nor waited");
    Err(Error::new(Category::Internal, "endless-operation", message))
}

fn read<O: Operation>(token: &str) -> Result<O, Error> {
    let unknown = |why: String| {
        Error::invalid("unknown-token", format!("the token is not of a change made here: {why}"))
    };
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let version: Version = serde_json::from_str(token).map_err(|e| unknown(e.to_string()))?;
    if version.version != O::VERSION {
        return Err(unknown(format!("it is of version {}, this is {}", version.version, O::VERSION)));
    }
    serde_json::from_str::<Token<O>>(token).map(|token| token.operation).map_err(|e| unknown(e.to_string()))
}

fn write<O: Operation>(operation: &O) -> Result<String, Error> {
    serde_json::to_string(&Token { version: O::VERSION, operation }).map_err(|e| {
        Error::new(Category::Internal, "token", format!("the change cannot be written down: {e}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    enum Make {
        Asked { name: String },
        Building { id: String, polls: u32 },
        Spinning,
    }

    impl Operation for Make {
        fn step(self) -> Result<Progress<Self>, Error> {
            Ok(match self {
                Self::Asked { name } => Progress::Next(Self::Building { id: format!("id-{name}"), polls: 0 }),
                Self::Building { id, polls: 2 } => Progress::Done(id),
                Self::Building { id, polls } => {
                    Progress::wait(Self::Building { id, polls: polls + 1 }, 500, "building")
                }
                Self::Spinning => Progress::Next(Self::Spinning),
            })
        }
    }

    fn token(outcome: Outcome) -> String {
        match outcome {
            Outcome::Pending(pending) => pending.token,
            Outcome::Done(id) => panic!("done: {id}"),
        }
    }

    #[test]
    fn it_goes_on_from_its_token() {
        let first = token(start(Make::Asked { name: "a".to_owned() }).unwrap());
        assert_eq!(first, r#"{"version":1,"operation":{"Building":{"id":"id-a","polls":1}}}"#);
        let second = token(poll::<Make>(&first).unwrap());
        assert_eq!(poll::<Make>(&second).unwrap(), Outcome::Done("id-a".to_owned()));
        assert_eq!(cancel::<Make>(&first).unwrap_err().category, Category::Unsupported);
    }

    #[test]
    fn one_that_has_begun_goes_on() {
        assert_eq!(go_on::<Make>(Progress::Done("a".to_owned())).unwrap(), Outcome::Done("a".to_owned()));
        let building = |polls| Make::Building { id: "b".to_owned(), polls };
        let waiting = Progress::wait(1, 0, "next").map(building);
        let token = token(go_on(waiting).unwrap());
        assert_eq!(token, r#"{"version":1,"operation":{"Building":{"id":"b","polls":1}}}"#);
        assert_eq!(go_on(Progress::Next(2).map(building)).unwrap(), Outcome::Done("b".to_owned()));
    }

    #[test]
    fn a_foreign_token_is_refused() {
        for foreign in
            ["", "x", "{}", r#"{"version":2,"operation":"Spinning"}"#, r#"{"version":1,"operation":"Else"}"#]
        {
            let error = poll::<Make>(foreign).unwrap_err();
            assert_eq!((error.category, error.code.as_str()), (Category::InvalidRequest, "unknown-token"));
        }
    }

    #[test]
    fn a_circle_is_left() {
        assert_eq!(start(Make::Spinning).unwrap_err().code, "endless-operation");
    }
}
