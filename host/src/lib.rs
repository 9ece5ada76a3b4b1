//! fnhost

pub mod error;
pub mod function;
pub mod limits;
pub mod registry;
