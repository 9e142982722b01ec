//! `--name value` pairs. Names that nobody asked for are an error, so a misspelt option cannot change a bench silently.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::LoadError;

/// The options of one run; taking one removes it.
pub struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// Reads pairs of `--name` and value.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, LoadError> {
        let mut pairs = BTreeMap::new();
        let mut words = words;
        while let Some(word) = words.next() {
            let name =
                word.strip_prefix("--").ok_or_else(|| LoadError::Usage(format!("{word:?} is no option")))?;
            let value = words.next().ok_or_else(|| LoadError::Usage(format!("--{name} has no value")))?;
            pairs.insert(name.to_owned(), value);
        }
        Ok(Arguments(pairs))
    }

    /// The value of `--name`, or `None` when it was not given.
    pub fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, LoadError> {
        let Some(text) = self.0.remove(name) else { return Ok(None) };
        let value = text.parse().map_err(|_| LoadError::Usage(format!("--{name} cannot be {text:?}")))?;
        Ok(Some(value))
    }

    /// The value of `--name`, or `default`.
    pub fn or<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, LoadError> {
        Ok(self.take(name)?.unwrap_or(default))
    }

    /// The value of `--name`, which must be given.
    pub fn required<T: FromStr>(&mut self, name: &str) -> Result<T, LoadError> {
        self.take(name)?.ok_or_else(|| LoadError::Usage(format!("--{name} is missing")))
    }

    /// To be called when all options have been taken.
    pub fn finish(&self) -> Result<(), LoadError> {
        match self.0.keys().next() {
            Some(name) => Err(LoadError::Usage(format!("--{name} is not an option here"))),
            None => Ok(()),
        }
    }
}
