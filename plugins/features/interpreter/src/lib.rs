//! The interpreter of recipes. Inside the sandbox it is the whole of a feature but for the recipe itself,
//! which `skywright feature build` writes into [`slot`]; natively its [`next`] and [`validate`] are what tests
//! call. It is pure: the same bundle and request give the same plan.
//!
//! Time and memory are the sandbox's to bound. What is bounded here gives a clear refusal instead of a
//! trap: rounds, steps, hosts, and the bytes of what templates render.

mod conclusion;
mod context;
mod convert;
mod engine;
#[cfg(test)]
mod engine_test;
mod filter;
mod fragment;
mod guest;
mod refusal;
mod render;
mod schedule;
mod slot;
mod validate;

pub use engine::next;
pub use guest::Interpreter;
pub use refusal::Refusal;
pub use validate::validate;
