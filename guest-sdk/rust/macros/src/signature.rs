//! Says which part of a function keeps it from being a handler, at the place of that part.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, Result, ReturnType, Type};

/// Checks what the tokens show; the answer is code in which the compiler checks the types.
pub(crate) fn check(arguments: &TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let mut faults = Faults::default();
    let signature = &function.sig;
    if !arguments.is_empty() {
        faults.add(arguments, "#[handler] takes no arguments");
    }
    if let Some(token) = &signature.asyncness {
        faults.add(token, "a handler is not `async`: it has a sandbox of its own, and may simply block");
    }
    if let Some(token) = &signature.abi {
        faults.add(token, "a handler is an ordinary Rust function: remove the ABI");
    }
    if !signature.generics.params.is_empty() {
        faults.add(&signature.generics, "a handler is not generic: the host has one event type to give it");
    }
    if signature.ident == "main" {
        faults.add(&signature.ident, "#[handler] supplies `main`: give the handler another name");
    }
    if let Some(receiver) = signature.receiver() {
        faults.add(receiver, "a handler is a function, not a method: remove `self`");
    } else if signature.inputs.is_empty() || signature.inputs.len() > 2 {
        let count = signature.inputs.len();
        let message =
            format!("a handler takes `(event)` or `(event, ctx: Context)`; this function takes {count} arguments");
        faults.add_at(signature.paren_token.span.join(), &message);
    }
    if matches!(signature.output, ReturnType::Default) {
        faults.add(&signature.ident, "a handler returns a `Result<reply, error>`; this function returns nothing");
    }
    faults.into_result()?;
    Ok(type_checks(function))
}

/// Everything that is wrong, so that the author reads it in one go.
#[derive(Default)]
struct Faults(Option<Error>);

impl Faults {
    fn add(&mut self, tokens: &impl ToTokens, message: &str) {
        self.join(Error::new_spanned(tokens, message));
    }

    fn add_at(&mut self, span: proc_macro2::Span, message: &str) {
        self.join(Error::new(span, message));
    }

    fn join(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// One call for each part of the signature, with the part's own span: that is where the compiler points.
fn type_checks(function: &ItemFn) -> TokenStream {
    let arguments = function.sig.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    let checks = arguments.zip(["event", "context"]).map(|(ty, check)| {
        let check = proc_macro2::Ident::new(check, ty.span());
        quote_spanned! { ty.span()=> let _ = ::fnhost_guest::__private::signature::#check::<#ty>; }
    });
    let output = match &function.sig.output {
        ReturnType::Type(_, ty) => output_check(ty),
        ReturnType::Default => TokenStream::new(),
    };
    quote_spanned! { function.sig.ident.span()=> const _: () = { #(#checks)* #output }; }
}

fn output_check(ty: &Type) -> TokenStream {
    quote_spanned! { ty.span()=>
        let _ = ::fnhost_guest::__private::signature::output::<#ty, _, _, _>;
    }
}
