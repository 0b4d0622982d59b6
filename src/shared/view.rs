//! `SegmentView`: a segment that is only looked at.
//!
//! The memory is mapped for reading, so nothing can be claimed: no lock, no pin. What can be read so is what is touched by single
//! instructions: the table of names, word by word, and atomics. Each read of an object looks afterwards whether the object was still there.
#![allow(unsafe_code)]

use super::{
    Atomic, AtomicValue, Fingerprint, Segment,
    names::{Entry, LIVE, Published, text},
};
use crate::{
    Error, ErrorKind, Result,
    atomic::{AtomicU64, Ordering, fence},
    segment::{Glimpse, Root},
};
use std::{fmt, marker::PhantomData, ptr::NonNull, sync::Arc};

/// A segment that this program looks at and cannot change: for monitors and tools. From [`Segment::attach_read_only`].
///
/// It takes no locks and keeps nothing alive, so the programs that use the segment do not notice it. Therefore it reads only
/// what is whole at each instant: the names, and [`Atomic`]s.
///
/// ```
/// use multiproc::{Atomic, Ordering, Segment};
/// # fn main() -> multiproc::Result<()> {
/// # let name = &format!("doc-view-{}", std::process::id());
/// let segment = Segment::create(name)?;
/// let steps = Atomic::new_in(&segment, 0_u64)?;
/// segment.publish("steps", &steps)?;
/// steps.store(7, Ordering::Relaxed);
///
/// let view = Segment::attach_read_only(name)?;
/// assert_eq!(view.names(), [("steps".to_owned(), "Atomic<u64>".to_owned())]);
/// assert_eq!(view.atomic::<u64>("steps")?.load(Ordering::Relaxed)?, 7);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SegmentView(Arc<Root>);

impl SegmentView {
    pub(super) fn new(root: Arc<Root>) -> Self {
        Self(root)
    }

    /// The segment's name, or the path of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The ids of the processes that use the segment at this moment.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.0.holders().pids(self.0.holder())
    }

    /// What is published at this moment: names and types.
    #[must_use]
    pub fn names(&self) -> Vec<(String, String)> {
        self.entries()
            .map(|entry| (text(&entry.name).to_owned(), text(&entry.type_name).to_owned()))
            .collect()
    }

    /// The atomic number that is published under this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::WrongType`] if it is something else.
    pub fn atomic<T: AtomicValue + Fingerprint>(&self, name: &str) -> Result<AtomicView<T>> {
        let entry = self.entries().find(|entry| entry.is_named(name)).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("{} has no object named {name:?}", self.name()))
        })?;
        if entry.fingerprint != Atomic::<T>::FINGERPRINT {
            return Err(Error::new(
                ErrorKind::WrongType,
                format!(
                    "{name:?} in {} is of type {}; wanted: {}",
                    self.name(),
                    text(&entry.type_name),
                    Atomic::<T>::type_name()
                ),
            ));
        }
        let place = self.0.glimpse(entry.id(), entry.generation)?;
        let view = AtomicView { place, _value: PhantomData };
        view.load(Ordering::Relaxed)?;
        Ok(view)
    }

    /// The entries of the table of names that could be read whole.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let (_, room) = self.0.names();
        let count = room.len() / size_of::<Entry>();
        // SAFETY: inside the table, which lives as long as the root that `self` keeps.
        (0..count).filter_map(move |index| whole(unsafe { room.cast::<Entry>().add(index) }))
    }
}

/// An entry that nobody changed while it was read: two looks at all its words see the same.
fn whole(entry: NonNull<Entry>) -> Option<Entry> {
    const WORDS: usize = size_of::<Entry>() / 8;
    let look = || -> [u64; WORDS] {
        std::array::from_fn(|index| {
            let word = entry.as_ptr().cast::<u64>().wrapping_add(index);
            // SAFETY: inside an entry, which is aligned to 8 bytes; peers that change it meanwhile do so by whole words (volatile
            // copies), which a relaxed load reads whole.
            let word = unsafe { AtomicU64::from_ptr(word) };
            word.load(Ordering::Relaxed)
        })
    };
    // A few times: what changes all the time is left out.
    for _ in 0..8 {
        let first = look();
        // The second look comes after the first.
        fence(Ordering::SeqCst);
        if first == look() {
            return (first[0] == LIVE).then(|| bytemuck::must_cast(first));
        }
    }
    None
}

/// An [`Atomic`] that this program looks at and cannot change; from [`SegmentView::atomic`].
pub struct AtomicView<T> {
    place: Glimpse,
    _value: PhantomData<fn() -> T>,
}

impl<T: AtomicValue> AtomicView<T> {
    /// The number at this moment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StaleHandle`] once the object was dropped by all and unpublished.
    ///
    /// # Panics
    ///
    /// For orderings that loads do not have.
    pub fn load(&self, order: Ordering) -> Result<T> {
        // SAFETY: the memory is mapped as long as `place` lives and aligned to a cache line; whatever object is there, it has at least
        // that many bytes, and a load of a few bytes reads something; whether it is of our object is seen next.
        let value = unsafe { T::load(self.place.as_ptr().cast(), order) };
        // The look at the block comes after the load.
        fence(Ordering::Acquire);
        if self.place.is_live() {
            return Ok(value);
        }
        Err(Error::new(ErrorKind::StaleHandle, "the object that was looked at was freed"))
    }
}

impl<T: AtomicValue + fmt::Debug> fmt::Debug for AtomicView<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AtomicView").field(&self.load(Ordering::Relaxed)).finish()
    }
}

impl Segment {
    /// Attaches a segment to look at it only. Nothing in it can be changed or kept from being changed.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    ///
    /// ```
    /// use multiproc::{ErrorKind, Segment, Value};
    /// # fn main() -> multiproc::Result<()> {
    /// # let name = &format!("doc-read-only-{}", std::process::id());
    /// let segment = Segment::create(name)?;
    /// segment.publish("total", &Value::new_in(&segment, 1_u64)?)?;
    /// let view = Segment::attach_read_only(name)?;
    /// assert_eq!(view.names(), [("total".to_owned(), "Value<u64>".to_owned())]);
    /// // What needs a lock cannot be read.
    /// assert_eq!(view.atomic::<u64>("total").unwrap_err().kind(), ErrorKind::WrongType);
    /// # Ok(())
    /// # }
    /// ```
    pub fn attach_read_only(name: &str) -> Result<SegmentView> {
        Self::view(crate::segment::Place::named(name)?)
    }

    /// The same for a segment in a file.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_file_read_only(path: impl Into<std::path::PathBuf>) -> Result<SegmentView> {
        Self::view(crate::segment::Place::File(path.into()))
    }

    fn view(place: crate::segment::Place) -> Result<SegmentView> {
        crate::segment::attach(place, crate::os::object::Access::ReadOnly).map(SegmentView::new)
    }
}
