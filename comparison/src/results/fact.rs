use serde::{Deserialize, Serialize};

/// Something about the machine or the run that the numbers cannot be read without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub name: String,
    pub value: String,
}

impl Fact {
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }

    /// That a contender, or all of a part, is not in the results.
    pub fn left_out(value: impl Into<String>) -> Self {
        Self::new("left out", value)
    }

    pub fn is_left_out(&self) -> bool {
        self.name == "left out"
    }
}
