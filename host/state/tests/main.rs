//! The store as others see it: what every engine must do, several processes, damage.
#![cfg(test)]

mod contract;
mod damage;
mod processes;
mod sqlite;
