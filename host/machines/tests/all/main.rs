//! Real machines on this machine. They need root and the packages that `doctor` names; where those are not
//! there, each test says so loudly and does nothing.
//!
//! Images are built once, in some minutes, and kept in the user's cache folder.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says what went wrong by failing, and prints what it measures"
)]

mod crash;
mod disks;
mod life;
mod many;
mod rig;
mod rules;
mod virtual_machine;
