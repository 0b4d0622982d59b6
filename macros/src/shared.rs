//! `#[derive(Shared)]`: the projections of a struct, and its structural fingerprint.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Data, DeriveInput, Error, Field, Fields, Result, Type, punctuated::Punctuated, token::Comma,
};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = check(input)?;
    let (atomics, plain): (Vec<_>, Vec<_>) = fields.iter().partition(|field| is_atomic(&field.ty));
    let (name, vis) = (&input.ident, &input.vis);
    let (plain_name, atomics_name) =
        (format_ident!("{name}Fields"), format_ident!("{name}Atomics"));
    let plain_doc = format!("The plain fields of a shared [`{name}`], under its lock.");
    let atomics_doc = format!("The atomic fields of a shared [`{name}`].");
    let docs = |fields: &[&Field]| -> Vec<_> {
        fields
            .iter()
            .map(|field| {
                let own: Vec<_> = field
                    .attrs
                    .iter()
                    .filter(|attribute| attribute.path().is_ident("doc"))
                    .collect();
                if own.is_empty() { quote!(#[allow(missing_docs)]) } else { quote!(#(#own)*) }
            })
            .collect()
    };
    let (plain_docs, atomics_docs) = (docs(&plain), docs(&atomics));
    let idents = |fields: &[&Field]| -> Vec<_> {
        fields.iter().filter_map(|field| field.ident.clone()).collect()
    };
    let types =
        |fields: &[&Field]| -> Vec<_> { fields.iter().map(|field| field.ty.clone()).collect() };
    let visible =
        |fields: &[&Field]| -> Vec<_> { fields.iter().map(|field| field.vis.clone()).collect() };
    let (p, pt, pv) = (idents(&plain), types(&plain), visible(&plain));
    let (a, at, av) = (idents(&atomics), types(&atomics), visible(&atomics));
    let private = quote!(::multiproc::__private);
    let fingerprint = fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let text = ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let kind = if is_atomic(ty) {
            quote!(#private::mix(<#ty as #private::AtomicField>::FINGERPRINT, 3))
        } else {
            quote!(<#ty as ::multiproc::Fingerprint>::FINGERPRINT)
        };
        quote! {
            let hash = #private::mix_text(hash, #text);
            let hash = #private::mix(hash, ::core::mem::offset_of!(#name, #ident) as u64);
            let hash = #private::mix(hash, #kind);
        }
    });
    Ok(quote! {
        #[doc = #plain_doc]
        #[derive(Debug)]
        #[allow(dead_code)]
        #vis struct #plain_name<'a> {
            #(#plain_docs #pv #p: &'a mut #pt,)*
            #[doc(hidden)]
            __fields: ::core::marker::PhantomData<&'a mut ()>,
        }

        #[doc = #atomics_doc]
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code)]
        #vis struct #atomics_name<'a> {
            #(#atomics_docs #av #a: &'a #at,)*
            #[doc(hidden)]
            __fields: ::core::marker::PhantomData<&'a ()>,
        }

        // SAFETY: written by the derive: the struct is `repr(C)`, each plain field is checked before it is referred to, and fields that are
        // atomic are in `Atomics` alone.
        unsafe impl ::multiproc::SharedFields for #name {
            const FINGERPRINT: u64 = {
                let hash = #private::mix(#private::START, ::core::mem::size_of::<#name>() as u64);
                let hash = #private::mix(hash, ::core::mem::align_of::<#name>() as u64);
                #(#fingerprint)*
                hash
            };
            const NAME: &'static str = ::core::stringify!(#name);
            type Fields<'a> = #plain_name<'a>;
            type Atomics<'a> = #atomics_name<'a>;

            unsafe fn check(at: ::core::ptr::NonNull<Self>) -> ::core::result::Result<(), &'static str> {
                let at = at.as_ptr();
                #(
                    // SAFETY: the caller's: a struct of this type is there, and nobody writes its plain fields.
                    let place = unsafe { &raw const (*at).#p };
                    // SAFETY: as above.
                    if !unsafe { #private::is_valid::<#pt>(place) } {
                        return ::core::result::Result::Err(::core::stringify!(#p));
                    }
                )*
                let _ = at;
                ::core::result::Result::Ok(())
            }

            unsafe fn fields<'a>(at: ::core::ptr::NonNull<Self>) -> #plain_name<'a> {
                let at = at.as_ptr();
                let _ = at;
                #plain_name {
                    // SAFETY: the caller's: the field is there, checked, and nobody else's for this long.
                    #(#p: unsafe { &mut (*at).#p },)*
                    __fields: ::core::marker::PhantomData,
                }
            }

            unsafe fn atomics<'a>(at: ::core::ptr::NonNull<Self>) -> #atomics_name<'a> {
                let at = at.as_ptr();
                let _ = at;
                #atomics_name {
                    // SAFETY: the caller's: the cell is there for this long, and touched by atomic operations only.
                    #(#a: unsafe { &(*at).#a },)*
                    __fields: ::core::marker::PhantomData,
                }
            }

            unsafe fn store(at: ::core::ptr::NonNull<Self>, value: Self) {
                let at = at.as_ptr();
                let _ = (at, &value);
                #(
                    // SAFETY: the caller's: the field is there, and nobody else's.
                    let place = unsafe { &raw mut (*at).#p };
                    // SAFETY: as above.
                    unsafe { place.write(value.#p) };
                )*
                #(
                    // SAFETY: the caller's: the cell is there, and touched by atomic operations only.
                    let cell = unsafe { &(*at).#a };
                    cell.store(value.#a.into_inner(), ::multiproc::Ordering::Relaxed);
                )*
            }
        }
    })
}

/// The fields, if the struct can be shared.
fn check(input: &DeriveInput) -> Result<&Punctuated<Field, Comma>> {
    let name = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => {
                return Err(Error::new_spanned(
                    name,
                    "a shared struct has named fields: they are how its parts are reached",
                ));
            }
        },
        _ => return Err(Error::new_spanned(name, "only a struct can be shared")),
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a shared struct has no parameters: two programs could not compare its type",
        ));
    }
    let mut is_c = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("C") {
                is_c = true;
            } else if meta.path.is_ident("packed") {
                return Err(
                    meta.error("a packed struct cannot be shared: its fields are not aligned")
                );
            } else if meta.input.peek(syn::token::Paren) {
                let _: proc_macro2::Group = meta.input.parse()?;
            }
            Ok(())
        })?;
    }
    if !is_c {
        return Err(Error::new_spanned(
            name,
            "#[derive(Shared)] needs #[repr(C)], so that every program puts the fields in the same places",
        ));
    }
    Ok(fields)
}

/// Whether it is written as `AtomicCell<…>`.
fn is_atomic(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|segment| segment.ident == "AtomicCell")
        }
        _ => false,
    }
}
