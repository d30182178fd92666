//! The store as others see it: what every engine must do, several processes, damage.

mod contract;
mod sqlite;
