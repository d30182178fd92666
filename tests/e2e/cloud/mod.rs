//! The built binary against a real OpenStack control plane: what a person does with one command line, with
//! kills and faults in between. Each test has a project of its own and a home of its own, and at its end the
//! project is empty, which an independent client sees.
//!
//! What it does not prove: that a guest boots, that a packet flows, that a volume holds bytes; the rig's
//! hypervisor, switch and block storage are simulated. Its clouds are of one release.

mod everyday;
mod faults;
mod parallel;
mod project;
mod proxy;
mod secrets;
mod site;
mod survival;
mod witness;
