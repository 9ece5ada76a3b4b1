//! The contracts between guest and host: one source, one of three roads, chosen by the target.

/// A core module: imports of `fnhost_v1`, export `handle`.
#[cfg(all(target_os = "wasi", target_env = "p1"))]
mod core_module;
#[cfg(all(target_os = "wasi", target_env = "p1"))]
pub use core_module::*;

/// A component: world `fnhost:function/function`.
#[cfg(all(target_os = "wasi", not(target_env = "p1")))]
mod component;
#[cfg(all(target_os = "wasi", not(target_env = "p1")))]
pub use component::*;

/// No sandbox: unit tests, and the handler as a program of its own.
#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(not(target_family = "wasm"))]
pub use native::*;

#[cfg(all(target_family = "wasm", not(target_os = "wasi")))]
compile_error!("fnhost-guest is built for wasm32-wasip1 (a core module) or wasm32-wasip2 (a component)");

/// Makes `$handler`, the name of a function, the function that this program is: what [`handler`](macro@crate::handler)
/// does, without the attribute.
///
/// ```
/// use fnhost_guest::Error;
///
/// fn double(event: u32) -> Result<u32, Error> {
///     event.checked_mul(2).ok_or_else(|| Error::new("TooLarge", format!("{event} is too large to double")))
/// }
///
/// fnhost_guest::export!(double);
/// ```
///
/// Once in a program, at the root of `main.rs` (or of `lib.rs`, if the crate is a `cdylib`). It supplies `main`.
#[macro_export]
macro_rules! export {
    ($handler:path) => {
        /// Two of them in one module are an error that names the rule.
        #[doc(hidden)]
        #[allow(dead_code)]
        enum OneHandlerPerProgram {}

        #[doc(hidden)]
        #[allow(dead_code)]
        fn main() -> ::std::process::ExitCode {
            $crate::__private::main($handler)
        }

        $crate::__export_handle!($handler);
    };
}
