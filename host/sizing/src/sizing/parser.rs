//! Reads sizing expressions.

use super::Sizing;
use super::bounds::Bounds;
use super::key::Key;
use super::syntax_error::{Problem, SyntaxError};
use super::thousandths::Thousandths;
use crate::near::near;

/// What a name without quotes does not begin with: it would be a mistyped operator or interval.
pub(super) const NO_NAME: [char; 7] = ['=', '~', '<', '>', '!', '[', '"'];

const NUMBER: &str = "a number";
const OPERATOR: &str = "an operator";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    About,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::About => "~",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A part of the expression: the index of its first character, and how many there are.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    width: usize,
}

/// What is wrong, and where.
struct Fault(Span, Problem);

pub(super) fn parse(expression: &str) -> Result<Sizing, SyntaxError> {
    let mut parser = Parser { characters: expression.chars().collect(), at: 0, seen: Vec::new() };
    parser.sizing().map_err(|Fault(span, problem)| {
        SyntaxError::new(expression.to_owned(), span.start + 1, span.width, problem)
    })
}

struct Parser {
    characters: Vec<char>,
    at: usize,
    /// The keys so far, and where each is.
    seen: Vec<(Key, usize)>,
}

impl Parser {
    fn sizing(&mut self) -> Result<Sizing, Fault> {
        let mut sizing = Sizing::default();
        self.skip_space();
        if self.peek().is_none() {
            return Ok(sizing);
        }
        loop {
            self.term(&mut sizing)?;
            self.skip_space();
            match self.peek() {
                None => return Ok(sizing),
                Some(',') => self.at += 1,
                Some(_) => return Err(self.expected("`,` or the end")),
            }
        }
    }

    fn term(&mut self, sizing: &mut Sizing) -> Result<(), Fault> {
        let key = self.key()?;
        self.skip_space();
        let (operator, span) = self.operator()?;
        if matches!(key, Key::Count | Key::Template) && operator != Operator::Equal {
            return Err(Fault(span, Problem::OperatorNotAllowed { key, operator: operator.symbol() }));
        }
        self.skip_space();
        match key {
            Key::Cpu => sizing.cpu = self.bounds(key, operator, whole)?,
            Key::Ram => sizing.ram_gib = self.bounds(key, operator, |number| number)?,
            Key::Disk => sizing.disk_gib = self.bounds(key, operator, whole)?,
            Key::Gpu if operator == Operator::Equal && self.is_not_asked() => {}
            Key::Gpu => sizing.gpu = self.bounds(key, operator, whole)?,
            Key::CpuFreq => sizing.cpu_ghz = self.bounds(key, operator, |number| number)?,
            Key::Count => sizing.count = Some(self.count()?),
            Key::Template => sizing.template = Some(self.name()?),
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Key, Fault> {
        self.skip_space();
        let start = self.at;
        if !self.peek().is_some_and(|c| c.is_alphabetic()) {
            return Err(self.expected("a key"));
        }
        let word = self.take(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let span = self.since(start);
        let Some(key) = Key::find(&word) else {
            let near = near(&word, Key::ALL.map(Key::name));
            return Err(Fault(span, Problem::UnknownKey { key: word, near }));
        };
        if let Some((_, first)) = self.seen.iter().find(|(seen, _)| *seen == key) {
            return Err(Fault(span, Problem::Repeated { key, first_column: first + 1 }));
        }
        self.seen.push((key, start));
        Ok(key)
    }

    fn operator(&mut self) -> Result<(Operator, Span), Fault> {
        let start = self.at;
        let text = match self.peek() {
            Some('=' | '~' | '<' | '>' | '!') => self.take(|c| matches!(c, '=' | '~' | '<' | '>' | '!')),
            Some(c) if c.is_ascii_alphabetic() => self.take(|c| c.is_ascii_alphabetic()).to_ascii_lowercase(),
            _ => return Err(self.expected(OPERATOR)),
        };
        let operator = match text.as_str() {
            "=" => Operator::Equal,
            "~" => Operator::About,
            "<" | "lt" => Operator::Less,
            "<=" | "le" => Operator::LessOrEqual,
            ">" | "gt" => Operator::Greater,
            ">=" | "ge" => Operator::GreaterOrEqual,
            _ => {
                let problem = Problem::Unexpected { expected: OPERATOR.to_owned(), found: text };
                return Err(Fault(self.since(start), problem));
            }
        };
        Ok((operator, self.since(start)))
    }

    /// What is after the operator, with each number made a `T`.
    fn bounds<T>(
        &mut self,
        key: Key,
        operator: Operator,
        make: impl Fn(Thousandths) -> T,
    ) -> Result<Bounds<T>, Fault> {
        let start = self.at;
        let bounds = if self.peek() == Some('[') {
            self.interval(key, operator)?
        } else {
            let value = self.number(key)?;
            match operator {
                Operator::Equal => Bounds::exactly(value),
                Operator::About => Bounds::Between { minimum: value, maximum: self.double(value, start)? },
                Operator::Less => Bounds::LessThan(value),
                Operator::LessOrEqual => Bounds::AtMost(value),
                Operator::Greater => Bounds::MoreThan(value),
                Operator::GreaterOrEqual => Bounds::AtLeast(value),
            }
        };
        if allows_nothing(key, bounds) {
            let problem = Problem::AllowsNothing { key, bounds: bounds.to_string() };
            return Err(Fault(self.since(start), problem));
        }
        Ok(bounds.map(make))
    }

    fn interval(&mut self, key: Key, operator: Operator) -> Result<Bounds<Thousandths>, Fault> {
        let start = self.at;
        if operator != Operator::Equal || key == Key::Count {
            self.take(|c| c != ',');
            let problem = Problem::IntervalNotAllowed { key, operator: operator.symbol() };
            return Err(Fault(self.since(start), problem));
        }
        self.at += 1;
        self.skip_space();
        let minimum = self.number(key)?;
        self.skip_space();
        self.punctuation('-', "`-`")?;
        self.skip_space();
        let maximum = self.number(key)?;
        self.skip_space();
        self.punctuation(']', "`]`")?;
        if minimum > maximum {
            let problem =
                Problem::EmptyInterval { minimum: minimum.to_string(), maximum: maximum.to_string() };
            return Err(Fault(self.since(start), problem));
        }
        Ok(Bounds::Between { minimum, maximum })
    }

    fn count(&mut self) -> Result<u32, Fault> {
        if self.peek() == Some('[') {
            self.interval(Key::Count, Operator::Equal)?;
        }
        Ok(whole(self.number(Key::Count)?))
    }

    /// Steps over `-1`, which is another word for not asking.
    fn is_not_asked(&mut self) -> bool {
        let is_it = self.characters.get(self.at..self.at + 2) == Some(&['-', '1'])
            && !self.characters.get(self.at + 2).is_some_and(|c| c.is_alphanumeric() || *c == '.');
        if is_it {
            self.at += 2;
        }
        is_it
    }

    fn number(&mut self, key: Key) -> Result<Thousandths, Fault> {
        let start = self.at;
        match self.peek() {
            Some('-') => {
                self.at += 1;
                self.take(|c| c.is_ascii_digit() || c == '.');
                return Err(Fault(self.since(start), Problem::Negative { key }));
            }
            Some(c) if c.is_ascii_digit() => {}
            _ => return Err(self.expected(NUMBER)),
        }
        let whole = self.take(|c| c.is_ascii_digit());
        let mut decimals = String::new();
        if self.peek() == Some('.') {
            self.at += 1;
            decimals = self.take(|c| c.is_ascii_digit());
            if decimals.is_empty() {
                return Err(self.expected("a digit"));
            }
            if !key.has_decimals() {
                return Err(Fault(self.since(start), Problem::NotWhole { key }));
            }
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 3 {
            return Err(Fault(self.since(start), Problem::TooPrecise));
        }
        let number = whole.parse::<u32>().ok().and_then(|whole| {
            let rest = format!("{decimals:0<3}").parse::<u64>().ok()?;
            Some(Thousandths::new(Thousandths::from_whole(whole).get() + rest))
        });
        number.ok_or_else(|| too_large(self.since(start)))
    }

    /// Twice as much, unless that is beyond the largest.
    fn double(&self, value: Thousandths, start: usize) -> Result<Thousandths, Fault> {
        let double = Thousandths::new(value.get() * 2);
        if double > Thousandths::from_whole(u32::MAX) {
            return Err(too_large(self.since(start)));
        }
        Ok(double)
    }

    fn name(&mut self) -> Result<String, Fault> {
        const NAME: &str = "a template's name";
        if self.peek() == Some('"') {
            return self.quoted_name();
        }
        if self.peek().is_some_and(|c| NO_NAME.contains(&c)) {
            return Err(self.expected(NAME));
        }
        let start = self.at;
        let name = self.take(|c| c != ',');
        let name = name.trim_end();
        if name.is_empty() {
            self.at = start;
            return Err(self.expected(NAME));
        }
        Ok(name.to_owned())
    }

    fn quoted_name(&mut self) -> Result<String, Fault> {
        let start = self.at;
        self.at += 1;
        let mut name = String::new();
        loop {
            match self.next() {
                Some('"') if name.is_empty() => {
                    let expected = "a template's name".to_owned();
                    return Err(Fault(self.since(start), Problem::Incomplete { expected }));
                }
                Some('"') => return Ok(name),
                Some('\\') => match self.next() {
                    Some(c @ ('"' | '\\')) => name.push(c),
                    Some(_) => {
                        self.at -= 1;
                        return Err(self.expected("`\"` or `\\` after `\\`"));
                    }
                    None => return Err(Fault(self.since(start), Problem::Unclosed)),
                },
                Some(c) => name.push(c),
                None => return Err(Fault(self.since(start), Problem::Unclosed)),
            }
        }
    }

    fn punctuation(&mut self, wanted: char, expected: &str) -> Result<(), Fault> {
        if self.peek() != Some(wanted) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// The fault that something else is here. It shows the word, number or operator that is.
    fn expected(&self, expected: &str) -> Fault {
        let start = self.at;
        let expected = expected.to_owned();
        let Some(first) = self.peek().filter(|c| *c != ',') else {
            return Fault(Span { start, width: 1 }, Problem::Incomplete { expected });
        };
        let alike = |c: &char| {
            if first.is_alphanumeric() {
                c.is_alphanumeric() || *c == '.'
            } else {
                matches!(first, '=' | '~' | '<' | '>' | '!') && matches!(c, '=' | '~' | '<' | '>' | '!')
            }
        };
        let rest = self.characters.get(start + 1..).unwrap_or_default();
        let found: String = std::iter::once(first).chain(rest.iter().copied().take_while(alike)).collect();
        Fault(Span { start, width: found.chars().count() }, Problem::Unexpected { expected, found })
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    fn skip_space(&mut self) {
        self.take(char::is_whitespace);
    }

    fn since(&self, start: usize) -> Span {
        Span { start, width: self.at - start }
    }
}

fn whole(number: Thousandths) -> u32 {
    u32::try_from(number.get() / 1000).unwrap_or(u32::MAX)
}

fn too_large(span: Span) -> Fault {
    Fault(span, Problem::TooLarge { largest: u32::MAX })
}

/// Whether no machine can be so. Every machine has a processor and memory.
fn allows_nothing(key: Key, bounds: Bounds<Thousandths>) -> bool {
    let zero = Thousandths::default();
    let least = if key.has_decimals() { Thousandths::new(1) } else { Thousandths::from_whole(1) };
    match bounds {
        Bounds::AtMost(most) | Bounds::Between { maximum: most, .. } => !key.may_be_none() && most < least,
        Bounds::LessThan(end) if key.may_be_none() => end == zero,
        Bounds::LessThan(end) => end <= if key.has_decimals() { zero } else { least },
        Bounds::MoreThan(end) => !key.has_decimals() && end == Thousandths::from_whole(u32::MAX),
        Bounds::Any | Bounds::AtLeast(_) => false,
    }
}
