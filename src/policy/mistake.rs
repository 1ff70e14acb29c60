//! Mistakes in a policy.

use std::cell::RefCell;
use std::fmt;

/// Something in a policy that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where, as `clients.known[2].limits`; empty for the policy as a whole.
    pub place: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Mistake {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.place, self.problem) }
    }
}

/// The mistakes found so far; readers of all sections add to it.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    pub(super) fn add(&self, mistake: Mistake) {
        self.0.borrow_mut().push(mistake);
    }

    pub(super) fn into_vec(self) -> Vec<Mistake> {
        self.0.into_inner()
    }
}

/// ` Did you mean "x"?` for the one of `known` that `written` is nearest to, where it is near.
pub(super) fn did_you_mean<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let nearest = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), name))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        // A third of the letters may be wrong: `limts`, but not any word of the same length.
        Some((distance, name)) if distance * 3 <= name.chars().count().max(3) => {
            format!("; did you mean {name:?}?")
        }
        _ => String::new(),
    }
}
