//! The sandbox against guests that mean harm, that are broken, and that are plain.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod guest;
mod hostile;
mod limits_table;
mod load;
mod plain;
