//! The sandbox against guests that mean harm, that are broken, and that are plain.

mod guest;
mod hostile;
mod limits_table;
mod load;
mod plain;
