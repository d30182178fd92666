//! What machine is asked for, and which of a cloud's templates and images answers it.
//!
//! - [`Sizing`] is a sizing expression such as `cpu>=4,ram=[7-16],disk>=50`.

mod error;
mod near;
mod sizing;

pub use error::Error;
pub use sizing::{Bounds, Key, Problem, Sizing, SyntaxError, Thousandths};
