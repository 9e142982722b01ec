//! Sums before each of a row of weights: what lies before a node is known without looking at the nodes before it.
//!
//! What it is not: the weights' owner. Built when somebody asks, kept up by `add`, forgotten when the row itself changes.
//!
//! The invariant: while it is built, `before(at)` is the sum of the weights of all places below `at`.

/// A tree of partial sums (Fenwick's).
#[derive(Clone, Debug, Default)]
pub(crate) struct PrefixSums {
    tree: Vec<i64>,
    is_built: bool,
}

impl PrefixSums {
    /// The row has other places now.
    pub fn forget(&mut self) {
        self.is_built = false;
    }

    /// Builds the sums when they are not there.
    pub fn build(&mut self, weights: impl Iterator<Item = i64>) {
        if self.is_built {
            return;
        }
        self.tree.clear();
        self.tree.extend(weights);
        for at in 0..self.tree.len() {
            steps::note(1);
            let parent = at | (at + 1);
            if parent < self.tree.len() {
                self.tree[parent] += self.tree[at];
            }
        }
        self.is_built = true;
    }

    /// The weight at a place has grown by so much.
    pub fn add(&mut self, at: usize, by: i64) {
        if !self.is_built {
            return;
        }
        let mut at = at;
        while at < self.tree.len() {
            self.tree[at] += by;
            at |= at + 1;
        }
    }

    /// Sum of all weights below a place. Asked of built sums only.
    pub fn before(&self, at: usize) -> i64 {
        debug_assert!(self.is_built, "sums are built before they are asked");
        let (mut sum, mut left) = (0, at);
        while left > 0 {
            steps::note(1);
            sum += self.tree[left - 1];
            left &= left - 1;
        }
        sum
    }
}

/// Work counted by tests: it is what is promised, and time is not.
pub(crate) mod steps {
    #[cfg(test)]
    thread_local! {
        static TAKEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    /// So many places were looked at.
    #[cfg(not(test))]
    pub fn note(_steps: u64) {}

    #[cfg(test)]
    pub fn note(steps: u64) {
        TAKEN.with(|taken| taken.set(taken.get() + steps));
    }

    /// Steps since the last call.
    #[cfg(test)]
    pub fn take() -> u64 {
        TAKEN.with(|taken| taken.replace(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_weights_after_every_change() {
        for length in [0_usize, 1, 2, 3, 7, 8, 9, 100] {
            let mut weights: Vec<i64> = (0..length as i64).map(|at| at % 5 - 1).collect();
            let mut sums = PrefixSums::default();
            sums.build(weights.iter().copied());
            for change in 0..length {
                let at = (change * 31) % length;
                weights[at] += change as i64 - 3;
                sums.add(at, change as i64 - 3);
                for before in 0..=length {
                    assert_eq!(sums.before(before), weights[..before].iter().sum::<i64>());
                }
            }
        }
    }
}
