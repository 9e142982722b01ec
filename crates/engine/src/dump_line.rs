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

    /// Starts an object behind a text, which `finish` answers with it: what there are many of is written in place.
    #[must_use]
    pub fn behind(mut text: String) -> Line {
        text.push('{');
        Line { text }
    }

    /// Starts an object with its kind.
    #[must_use]
    pub fn of(kind: &str) -> Line {
        Line::object().text("kind", kind)
    }

    fn name(&mut self, name: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
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
        digits(&mut self.text, value);
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

/// Appends a number. (`write!` takes several times as long, and an account has a million of them.)
fn digits(text: &mut String, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len() - 1;
    while value >= 10 {
        digits[first] += (value % 10) as u8;
        value /= 10;
        first -= 1;
    }
    digits[first] += value as u8;
    text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
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
    fn numbers_are_written_as_they_are_printed() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        for value in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX - 1, u64::MAX]) {
            let line = Line::behind("[{},".to_string()).number("n", value).number("m", 0).finish();
            assert_eq!(line, format!("[{{}},{{\"n\":{value},\"m\":0}}"));
        }
    }

    #[test]
    fn text_is_escaped_so_that_a_line_stays_one_line() {
        let line =
            Line::of("x").text("t", "a\"b\\c\nd").number("n", 7).signed("s", -1).flag("f", true).finish();
        assert_eq!(line, r#"{"kind":"x","t":"a\"b\\c\u000ad","n":7,"s":-1,"f":true}"#);
    }
}
