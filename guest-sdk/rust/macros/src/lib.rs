//! The `#[handler]` attribute of `fnhost-guest`. Use it from there; this crate is a part of that one.

mod signature;

use proc_macro::TokenStream;
use quote::quote;
use syn::ItemFn;

/// Makes a plain function the function that this program is.
///
/// ```text
/// #[fnhost_guest::handler]
/// fn thumbnail(event: Event, ctx: Context) -> Result<Reply, Error> { … }
/// ```
///
/// The event is anything that serde deserialises, the reply anything that it serialises, the error anything that
/// implements `std::error::Error`, or `fnhost_guest::Error`. `ctx` may be left out.
///
/// The function itself is left as it is, so that tests call it like any other. Beside it come the export that the host
/// calls and `main`: the attribute stands once in a program, at the root of `main.rs` (or of `lib.rs`, if the crate is a
/// `cdylib`).
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let original: proc_macro2::TokenStream = item.clone().into();
    let beside = match syn::parse::<ItemFn>(item) {
        Ok(function) => signature::check(&arguments.into(), &function).map(|checks| {
            let name = &function.sig.ident;
            quote! { #checks ::fnhost_guest::export!(#name); }
        }),
        Err(error) => Err(syn::Error::new(error.span(), "#[handler] belongs on a function with a body")),
    };
    let beside = beside.unwrap_or_else(|error| error.into_compile_error());
    quote! { #original #beside }.into()
}
