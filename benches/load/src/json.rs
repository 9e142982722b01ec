//! Just enough JSON to print results: flat objects and nested objects of numbers and plain words.

use std::fmt;

/// One JSON object, fields in the order they were added.
#[derive(Default)]
pub struct Object(Vec<(&'static str, String)>);

impl Object {
    /// An object without fields.
    pub fn new() -> Object {
        Object::default()
    }

    /// Adds a whole number.
    pub fn count(mut self, name: &'static str, value: u64) -> Object {
        self.0.push((name, value.to_string()));
        self
    }

    /// Adds a number, three decimals.
    pub fn number(mut self, name: &'static str, value: f64) -> Object {
        assert!(value.is_finite(), "{name} is {value}, which JSON cannot carry");
        self.0.push((name, format!("{value:.3}")));
        self
    }

    /// Adds a text without characters that JSON would have to escape.
    pub fn word(mut self, name: &'static str, value: &str) -> Object {
        assert!(value.chars().all(|c| !c.is_control() && c != '"' && c != '\\'), "{name} is no plain word");
        self.0.push((name, format!("\"{value}\"")));
        self
    }

    /// Adds an object.
    pub fn object(mut self, name: &'static str, value: Object) -> Object {
        self.0.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<String> = self.0.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        write!(f, "{{{}}}", fields.join(","))
    }
}
