//! Payloads whose size is part of their type.

/// An enum `AnySize` of one wiring for each payload, which opens whichever it is.
macro_rules! sized {
    ($wiring:ident: $($name:ident $words:literal),*) => {
        #[derive(Clone, serde::Serialize, serde::Deserialize)]
        pub(crate) enum AnySize {
            $($name($wiring<$words>),)*
        }

        impl AnySize {
            pub(crate) fn new(payload: usize) -> multiproc::Result<Self> {
                match payload / 8 {
                    $($words => $wiring::new().map(Self::$name),)*
                    _ => panic!("there is no type of {payload} bytes"),
                }
            }

            pub(crate) fn open(
                self,
                row: &crate::latency::row::Row,
                side: super::Side,
            ) -> multiproc::Result<Box<dyn crate::latency::play::Play>> {
                Ok(match self {
                    $(Self::$name(wiring) => Box::new(crate::latency::play::Linked(wiring.open(row, side)?)),)*
                })
            }
        }
    };
    ($wiring:ident) => {
        sized!($wiring: Of8 1, Of64 8, Of512 64, Of4K 512, Of64K 8192, Of1M 131_072);
    };
}

/// How many places there are for messages, of which one is on its way: a small one goes through several cache lines, a large one does not fill the caches.
pub(super) fn places(words: usize) -> usize {
    (4096 / words).clamp(1, 64)
}
