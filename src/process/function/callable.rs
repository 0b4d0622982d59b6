//! The trait of functions that can be called in another process.

/// A function that can be called in another process: it takes the tuple `Args` and owns nothing.
///
/// Function items, instances of generic functions and closures without captures have it, with up to ten
/// arguments. It cannot be implemented by hand.
///
/// A value in a capture would have to travel, and a closure cannot be taken apart; so what the function needs
/// goes in as an argument. A closure needs the types of its arguments written out. A function *pointer* (`fn(u64) -> u64`) is a value as well, and means nothing
/// elsewhere: pass the function itself.
///
/// # Examples
///
/// ```
/// use multiproc::Function;
///
/// fn area(width: f64, height: f64) -> f64 {
///     width * height
/// }
///
/// fn run<F: Function<A>, A>(function: F, args: A) -> F::Output {
///     function.call(args)
/// }
///
/// assert_eq!(run(area, (2.0, 4.0)), 8.0);
/// assert_eq!(run(|x: usize, text: String| text.len() + x, (37, "extra".to_owned())), 42);
/// assert_eq!(run(|| "nothing", ()), "nothing");
/// assert_eq!(run(i64::wrapping_abs, (-5,)), 5);
/// ```
///
/// A closure that captures does not compile, and neither does a function pointer:
///
/// ```compile_fail
/// use multiproc::Function;
///
/// let offset = std::env::args().count();
/// let add = move |x: usize| x + offset;      // say `|x: usize, offset: usize| x + offset` instead
/// assert_eq!(add.call((1,)), 2);
/// ```
///
/// ```compile_fail
/// use multiproc::Function;
///
/// let abs: fn(i64) -> i64 = i64::wrapping_abs;
/// assert_eq!(abs.call((-5,)), 5);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called in another process with the arguments `{Args}`",
    label = "not a function of `{Args}` that captures nothing",
    note = "pass a function item or a closure without captures that takes these arguments; all that it needs goes in as arguments",
    note = "the arguments are a tuple: `()` for none, `(x,)` for one; a closure needs their types: `|x: u64| x + 1`"
)]
pub trait Function<Args>: sealed::Sealed<Args> + Copy + Send + Sync + 'static {
    /// What the function returns.
    type Output;

    /// Calls the function here, in this process.
    fn call(self, args: Args) -> Self::Output;
}

mod sealed {
    /// Keeps `Function` to what the compiler knows as a function: types of others may have rules about who
    /// makes a value of them, and a function is conjured in the other process.
    pub trait Sealed<Args> {}
}

/// Refuses at compile time what has a size: a closure that captures, or a function pointer.
pub(super) const fn assert_captures_nothing<F>() {
    assert!(
        size_of::<F>() == 0,
        "a function for another process must capture nothing: pass what it needs as arguments \
         (`spawn(|x: u64, offset: u64| x + offset, (x, offset))`), and pass the function itself, not a `fn` pointer"
    );
}

macro_rules! functions {
    ($($arg:ident)*) => {
        impl<Fun, Ret, $($arg,)*> sealed::Sealed<($($arg,)*)> for Fun where
            Fun: Fn($($arg),*) -> Ret + Copy + Send + Sync + 'static
        {
        }

        // Without this the compiler says which captured value is not `Copy`, and not what to do.
        #[diagnostic::do_not_recommend]
        impl<Fun, Ret, $($arg,)*> Function<($($arg,)*)> for Fun
        where
            Fun: Fn($($arg),*) -> Ret + Copy + Send + Sync + 'static,
        {
            type Output = Ret;

            fn call(self, args: ($($arg,)*)) -> Ret {
                const { assert_captures_nothing::<Fun>() };
                #[allow(non_snake_case, reason = "an argument has the name of its type")]
                let ($($arg,)*) = args;
                self($($arg),*)
            }
        }
    };
}

functions!();
functions!(A1);
functions!(A1 A2);
functions!(A1 A2 A3);
functions!(A1 A2 A3 A4);
functions!(A1 A2 A3 A4 A5);
functions!(A1 A2 A3 A4 A5 A6);
functions!(A1 A2 A3 A4 A5 A6 A7);
functions!(A1 A2 A3 A4 A5 A6 A7 A8);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::too_many_arguments, reason = "that is the point")]
    fn ten(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8) -> [u8; 10] {
        [a, b, c, d, e, f, g, h, i, j]
    }

    #[test]
    fn arguments_keep_their_order() {
        assert_eq!(ten.call((0, 1, 2, 3, 4, 5, 6, 7, 8, 9)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!((|a: i32, b: &str| format!("{a}{b}")).call((1, "b")), "1b");
    }
}
