//! Messages whose size is part of their type.

/// The body, with the words of a message as a constant.
macro_rules! sized {
    ($bytes:expr, $words:ident => $body:expr) => {
        sized!($bytes, $words => $body, 1 8 128 8192 131_072)
    };
    ($bytes:expr, $words:ident => $body:expr, $($size:literal)*) => {
        match $bytes / 8 {
            $($size => {
                const $words: usize = $size;
                $body
            })*
            _ => panic!("there is no type of {} bytes", $bytes),
        }
    };
}
