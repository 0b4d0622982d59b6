#![doc = include_str!("links.md")]
#![doc = include_str!("../../docs/guide/README.md")]

// The chapters name the items of the crate. In the list of chapters the first definition of a link counts: here it leads to a module, in the file to a file.
use crate::*;

macro_rules! chapters {
    ($($name:ident)*) => {$(
        #[doc = include_str!(concat!("../../docs/guide/", stringify!($name), ".md"))]
        pub mod $name {}
    )*};
}

chapters! {
    processes sharing locks queues pools chunks errors overhead pipeline
    choosing from_python deaths deployment
}
