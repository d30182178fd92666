//! Bundles, whole and crafted.

mod crafted;
mod flow;
mod interrupted;
mod world;
