//! fnhost
// Temporary: the lead's lib.rs replaces this file.
#![allow(dead_code, unused_imports)]

mod error;
mod function;
pub mod limits;
mod registry;

pub use error::*;
pub use function::*;
pub use registry::{CreateAlias, Page, PageRequest, PublishVersion, UpdateAlias, UpdateFunctionCode};
