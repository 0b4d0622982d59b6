//! The elements of an array as a matrix, row by row.

use crate::{Error, ErrorKind, Result};
use std::{
    fmt,
    ops::{Index, IndexMut},
    slice::{ChunksExact, ChunksExactMut},
};

/// A view of elements as rows of equal length; from [`rows`](crate::ArrayReadGuard::rows) of a guard.
#[derive(Clone, Copy)]
pub struct Rows<'a, T> {
    elements: &'a [T],
    columns: usize,
}

/// A view of elements as rows of equal length, which may be changed; from [`rows_mut`](crate::ArrayWriteGuard::rows_mut) of a guard.
pub struct RowsMut<'a, T> {
    elements: &'a mut [T],
    columns: usize,
}

fn check(len: usize, columns: usize) -> Result<()> {
    if columns > 0 && len.is_multiple_of(columns) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("{len} elements cannot be rows of {columns}: the length must be a multiple of it"),
    ))
}

impl<'a, T> Rows<'a, T> {
    pub(crate) fn new(elements: &'a [T], columns: usize) -> Result<Self> {
        check(elements.len(), columns)?;
        Ok(Self { elements, columns })
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len() / self.columns
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// How many elements a row has.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// A row.
    ///
    /// # Panics
    ///
    /// Beyond the end.
    #[must_use]
    pub fn row(&self, row: usize) -> &'a [T] {
        &self.elements[row * self.columns..][..self.columns]
    }

    /// All rows, from the first on.
    pub fn iter(&self) -> ChunksExact<'a, T> {
        self.elements.chunks_exact(self.columns)
    }
}

impl<'a, T> RowsMut<'a, T> {
    pub(crate) fn new(elements: &'a mut [T], columns: usize) -> Result<Self> {
        check(elements.len(), columns)?;
        Ok(Self { elements, columns })
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.elements.len() / self.columns
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// How many elements a row has.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The same, for reading.
    #[must_use]
    pub fn as_rows(&self) -> Rows<'_, T> {
        Rows { elements: self.elements, columns: self.columns }
    }

    /// A row.
    ///
    /// # Panics
    ///
    /// Beyond the end.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.elements[row * self.columns..][..self.columns]
    }

    /// All rows, from the first on.
    pub fn iter_mut(&mut self) -> ChunksExactMut<'_, T> {
        self.elements.chunks_exact_mut(self.columns)
    }
}

/// The place of an element, by row and column.
fn place((row, column): (usize, usize), columns: usize) -> usize {
    assert!(column < columns, "the column is {column}, but a row has {columns} elements");
    row * columns + column
}

impl<T> Index<(usize, usize)> for Rows<'_, T> {
    type Output = T;

    fn index(&self, at: (usize, usize)) -> &T {
        &self.elements[place(at, self.columns)]
    }
}

impl<T> Index<(usize, usize)> for RowsMut<'_, T> {
    type Output = T;

    fn index(&self, at: (usize, usize)) -> &T {
        &self.elements[place(at, self.columns)]
    }
}

impl<T> IndexMut<(usize, usize)> for RowsMut<'_, T> {
    fn index_mut(&mut self, at: (usize, usize)) -> &mut T {
        &mut self.elements[place(at, self.columns)]
    }
}

impl<'a, T> IntoIterator for Rows<'a, T> {
    type Item = &'a [T];
    type IntoIter = ChunksExact<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &Rows<'a, T> {
    type Item = &'a [T];
    type IntoIter = ChunksExact<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut RowsMut<'_, T> {
    type Item = &'a mut [T];
    type IntoIter = ChunksExactMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: fmt::Debug> fmt::Debug for Rows<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for RowsMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_rows().fmt(f)
    }
}
