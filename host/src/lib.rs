//! fnhost
