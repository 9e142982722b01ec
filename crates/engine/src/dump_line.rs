//! One line of JSON, written field by field. What it is not: a JSON library; what nests is written before what holds it.

use std::fmt::Write;

/// An object being written.
pub struct Line {
    text: String,
}

impl Line {
    /// Starts an object.
    #[must_use]
    pub fn object() -> Line {
        Line { text: String::from("{") }
    }

    /// Starts an object with its kind.
    #[must_use]
    pub fn of(kind: &str) -> Line {
        Line::object().text("kind", kind)
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        let _ = write!(self.text, "\"{name}\":");
    }

    /// A text field, escaped.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Line {
        self.name(name);
        quote(&mut self.text, value);
        self
    }

    /// A value that is JSON already.
    #[must_use]
    pub fn json(mut self, name: &str, value: &str) -> Line {
        self.name(name);
        self.text.push_str(value);
        self
    }

    /// A whole number.
    #[must_use]
    pub fn number(mut self, name: &str, value: u64) -> Line {
        self.name(name);
        let _ = write!(self.text, "{value}");
        self
    }

    /// A whole number that may be negative.
    #[must_use]
    pub fn signed(mut self, name: &str, value: i64) -> Line {
        self.name(name);
        let _ = write!(self.text, "{value}");
        self
    }

    /// True or false.
    #[must_use]
    pub fn flag(mut self, name: &str, value: bool) -> Line {
        self.name(name);
        let _ = write!(self.text, "{value}");
        self
    }

    /// The finished object.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// Appends a text in quotes, escaped.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(text, "\\u{:04x}", control as u32);
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

/// A list of values that are JSON already.
#[must_use]
pub fn list(values: impl Iterator<Item = String>) -> String {
    let mut text = String::from("[");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&value);
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_so_that_a_line_stays_one_line() {
        let line =
            Line::of("x").text("t", "a\"b\\c\nd").number("n", 7).signed("s", -1).flag("f", true).finish();
        assert_eq!(line, r#"{"kind":"x","t":"a\"b\\c\u000ad","n":7,"s":-1,"f":true}"#);
    }
}
