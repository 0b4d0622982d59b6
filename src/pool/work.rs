//! The traits of what a pool runs: functions of their arguments, and with the worker's state before them.

use crate::Function;
use std::{fmt, marker::PhantomData};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Stateless {}
    impl<S> Sealed for super::Stateful<S> {}

    /// Keeps [`Task`](super::Task) to what the compiler knows as a function.
    pub trait SealedTask<K, A> {}
}

/// What the workers of a pool keep between tasks: nothing ([`Stateless`]) or a state of their own ([`Stateful`]).
pub trait Kind: sealed::Sealed + 'static {
    /// What each worker keeps.
    type State: 'static;
}

/// The workers keep nothing: tasks are functions of their arguments.
#[derive(Clone, Copy, Debug)]
pub enum Stateless {}

/// Each worker keeps an `S` of its own: tasks are functions of `&mut S` and their arguments.
pub struct Stateful<S>(PhantomData<fn() -> S>);

impl<S> fmt::Debug for Stateful<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stateful")
    }
}

impl Kind for Stateless {
    type State = ();
}

impl<S: 'static> Kind for Stateful<S> {
    type State = S;
}

/// A function that the workers of a pool can run: a function item, an instance of a generic function, or a closure that captures nothing, as for [`spawn`](crate::spawn).
///
/// `K` is the [`Kind`] of the pool, `A` the tuple of its arguments. It cannot be implemented by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be run by this pool with the arguments `{A}`",
    label = "not a function of `{A}` that captures nothing",
    note = "pass a function item or a closure without captures, with the types of its arguments written out: `|x: u64| x + 1`",
    note = "where the workers have a state, it comes first: `|state: &mut S, x: u64| …`"
)]
pub trait Task<K: Kind, A>: sealed::SealedTask<K, A> + Copy + Send + Sync + 'static {
    /// What it returns.
    type Output;

    /// Calls it.
    #[doc(hidden)]
    fn run(self, state: &mut K::State, args: A) -> Self::Output;
}

impl<F: Function<A>, A> sealed::SealedTask<Stateless, A> for F {}

impl<F: Function<A>, A> Task<Stateless, A> for F {
    type Output = F::Output;

    #[inline(always)]
    fn run(self, _: &mut (), args: A) -> Self::Output {
        self.call(args)
    }
}

macro_rules! with_state {
    ($($arg:ident)*) => {
        impl<Fun, S, Ret, $($arg,)*> sealed::SealedTask<Stateful<S>, ($($arg,)*)> for Fun where
            Fun: Fn(&mut S, $($arg),*) -> Ret + Copy + Send + Sync + 'static
        {
        }

        #[diagnostic::do_not_recommend]
        impl<Fun, S: 'static, Ret, $($arg,)*> Task<Stateful<S>, ($($arg,)*)> for Fun
        where
            Fun: Fn(&mut S, $($arg),*) -> Ret + Copy + Send + Sync + 'static,
        {
            type Output = Ret;

            #[inline(always)]
            fn run(self, state: &mut S, args: ($($arg,)*)) -> Ret {
                #[allow(non_snake_case, reason = "an argument has the name of its type")]
                let ($($arg,)*) = args;
                self(state, $($arg),*)
            }
        }
    };
}

with_state!();
with_state!(A1);
with_state!(A1 A2);
with_state!(A1 A2 A3);
with_state!(A1 A2 A3 A4);
with_state!(A1 A2 A3 A4 A5);
with_state!(A1 A2 A3 A4 A5 A6);
with_state!(A1 A2 A3 A4 A5 A6 A7);
with_state!(A1 A2 A3 A4 A5 A6 A7 A8);
with_state!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
