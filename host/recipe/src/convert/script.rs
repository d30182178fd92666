//! Go's templates to ours. What has no counterpart becomes a `throw`, so that rendering it says what was lost.

use skywright_config::Mark;

use super::{Conversion, Loss, variables};

/// A script that was translated, and what it uses.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) text: String,
    /// Secret parameters that it reads from its environment.
    pub(super) secrets: Vec<String>,
}

/// What a block was opened by.
enum Block {
    If,
    For,
}

impl Conversion {
    /// A text in which templates are only expressions; secrets are lost.
    pub(super) fn expression_text(&mut self, mark: Mark, text: &str) -> String {
        let translated = self.translate(mark, text, "");
        for secret in translated.secrets {
            self.lost(mark, format!("the secret `{secret}` stands where no secret can"));
        }
        translated.text
    }

    /// A script; `mark` is where it begins.
    pub(super) fn translate(&mut self, mark: Mark, text: &str, step: &str) -> Translated {
        let mut translated = Translated::default();
        let mut blocks: Vec<Block> = Vec::new();
        let mut locals: Vec<String> = Vec::new();
        let mut rest = text;
        let mut line = mark.line;
        while let Some(at) = rest.find("{{") {
            let (before, behind) = rest.split_at(at);
            push_literal(&mut translated.text, before);
            line += before.matches('\n').count();
            let Some(end) = behind.find("}}") else {
                self.losses.push(Loss { line, message: "a template without end".to_owned() });
                push_literal(&mut translated.text, behind);
                rest = "";
                break;
            };
            let action = behind.get(2..end).unwrap_or_default();
            let here = Mark { line, column: 1 };
            let ours = self.action(here, action, step, (&mut blocks, &mut locals), &mut translated.secrets);
            translated.text.push_str(&ours);
            line += action.matches('\n').count();
            rest = behind.get(end + 2..).unwrap_or_default();
        }
        push_literal(&mut translated.text, rest);
        if !blocks.is_empty() {
            self.lost(mark, "a block of the template has no end");
        }
        translated
    }

    /// What stands between two pairs of brackets.
    fn action(
        &mut self,
        mark: Mark,
        action: &str,
        step: &str,
        (blocks, locals): (&mut Vec<Block>, &mut Vec<String>),
        secrets: &mut Vec<String>,
    ) -> String {
        let (left, action) = match action.strip_prefix("- ") {
            Some(rest) => ("-", rest),
            None => ("", action),
        };
        let (right, action) = match action.strip_suffix(" -") {
            Some(rest) => ("-", rest),
            None => ("", action),
        };
        let action = action.trim();
        if action.starts_with("/*") {
            return String::new();
        }
        let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
        let mut read = |own: &mut Self, text: &str| own.expression(mark, text.trim(), step, locals, secrets);
        let ours = match word {
            "if" => read(self, rest).map(|condition| {
                blocks.push(Block::If);
                format!("{{%{left} if {condition} {right}%}}")
            }),
            "else" if rest.trim().is_empty() => Some(format!("{{%{left} else {right}%}}")),
            "else" => rest.trim().strip_prefix("if ").and_then(|condition| {
                read(self, condition).map(|condition| format!("{{%{left} elif {condition} {right}%}}"))
            }),
            "end" => match blocks.pop() {
                Some(Block::If) => Some(format!("{{%{left} endif {right}%}}")),
                Some(Block::For) => {
                    locals.pop();
                    Some(format!("{{%{left} endfor {right}%}}"))
                }
                None => None,
            },
            "range" => {
                let (names, list) = rest.split_once(":=").unwrap_or(("$item", rest));
                read(self, list).map(|list| {
                    let name = names.rsplit(',').next().unwrap_or_default().trim().trim_start_matches('$');
                    blocks.push(Block::For);
                    locals.push(name.to_owned());
                    format!("{{%{left} for {name} in {list} {right}%}}")
                })
            }
            _ => match self.secret(action) {
                Some(name) => {
                    let variable = super::variable_of(&name);
                    if !secrets.contains(&name) {
                        self.lost(mark, format!("the secret `{name}` is ${{{variable}}} of the script's environment now: look at its quotes"));
                        secrets.push(name);
                    }
                    Some(format!("${{{variable}}}"))
                }
                None => read(self, action).map(|expression| format!("{{{{{left} {expression} {right}}}}}")),
            },
        };
        ours.unwrap_or_else(|| {
            let shown: String = action.chars().filter(|c| !c.is_control() && *c != '"').take(60).collect();
            self.lost(mark, format!("the template `{shown}`: rendering it is an error now"));
            // A block that is not understood still has an end.
            if matches!(word, "with" | "block" | "define" | "if" | "range") {
                blocks.push(Block::If);
                return format!("{{% if throw(message=\"not carried over: {shown}\") %}}");
            }
            format!("{{{{ throw(message=\"not carried over: {shown}\") }}}}")
        })
    }

    /// The recipe's name of a secret parameter, if that is all that an action says.
    fn secret(&self, action: &str) -> Option<String> {
        let parameter = self.parameters.get(action.strip_prefix('.')?)?;
        parameter.is_secret.then(|| parameter.name.clone())
    }

    /// An expression of Go's: a pipeline of calls.
    fn expression(
        &mut self,
        mark: Mark,
        text: &str,
        step: &str,
        locals: &[String],
        secrets: &mut Vec<String>,
    ) -> Option<String> {
        let mut value: Option<String> = None;
        for call in split(text, '|')? {
            let words = split(call.trim(), ' ')?;
            let mut arguments = Vec::new();
            for word in words.iter().skip(1) {
                arguments.push(self.term(mark, word, step, locals, secrets)?);
            }
            arguments.extend(value.take());
            let head = words.first()?;
            value = Some(match arguments.is_empty() {
                true => self.term(mark, head, step, locals, secrets)?,
                false => call_of(head, &arguments)?,
            });
        }
        value
    }

    /// A variable, a literal, or an expression in parentheses.
    fn term(
        &mut self,
        mark: Mark,
        word: &str,
        step: &str,
        locals: &[String],
        secrets: &mut Vec<String>,
    ) -> Option<String> {
        if let Some(inner) = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')) {
            return self
                .expression(mark, inner.trim(), step, locals, secrets)
                .map(|inner| format!("({inner})"));
        }
        if let Some(name) = word.strip_prefix('$') {
            return locals.iter().any(|local| local == name).then(|| name.to_owned());
        }
        if word == "." {
            return locals.last().filter(|local| *local == "item").cloned();
        }
        if let Some(name) = word.strip_prefix('.') {
            if let Some(parameter) = self.parameters.get(name) {
                return (!parameter.is_secret).then(|| format!("parameters.{}", parameter.name));
            }
            let expression = variables::expression(name, step)?;
            self.roles.extend(variables::roles(&expression));
            if name.ends_with("Timeout") || name.ends_with("Delay") {
                self.lost(mark, format!("`{name}` is {expression} now: SafeScale's own was another"));
            }
            return Some(expression);
        }
        let is_literal = word.parse::<i64>().is_ok()
            || matches!(word, "true" | "false")
            || (word.len() >= 2 && word.starts_with('"') && word.ends_with('"') && !word.contains('\\'));
        is_literal.then(|| word.to_owned())
    }
}

/// A call of a function of Go's or sprig's.
fn call_of(name: &str, arguments: &[String]) -> Option<String> {
    let compare = |operator: &str| match arguments {
        [one, other] => Some(format!("{one} {operator} {other}")),
        _ => None,
    };
    match (name, arguments) {
        ("eq", _) => compare("=="),
        ("ne", _) => compare("!="),
        ("lt", _) => compare("<"),
        ("le", _) => compare("<="),
        ("gt", _) => compare(">"),
        ("ge", _) => compare(">="),
        ("and", [_, _, ..]) => Some(format!("({})", arguments.join(" and "))),
        ("or", [_, _, ..]) => Some(format!("({})", arguments.join(" or "))),
        ("not", [one]) => Some(format!("not {one}")),
        ("len", [one]) => Some(format!("{one} | length")),
        ("index", [list, at]) => Some(format!("{list}[{at}]")),
        ("default", [other, value]) => Some(format!("{value} | default(value={other})")),
        ("upper" | "lower" | "trim", [one]) => Some(format!("{one} | {name}")),
        ("quote", [one]) => Some(format!("{one} | json")),
        ("squote" | "shellquote", [one]) => Some(format!("{one} | quote")),
        ("join", [separator, list]) => Some(format!("{list} | join(sep={separator})")),
        ("toString", [one]) => Some(format!("{one} | str")),
        _ => None,
    }
}

/// The parts of a text between separators that stand in no quotes and no parentheses; `None` if those do not
/// match.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut depth, mut is_quoted) = (Vec::new(), 0, 0_u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted => depth = depth.checked_sub(1)?,
            c if c == separator && depth == 0 && !is_quoted => {
                parts.push(text.get(start..at)?.trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?.trim());
    parts.retain(|part| !part.is_empty());
    (depth == 0 && !is_quoted).then_some(parts)
}

/// Text of a shell in which our templates' brackets mean nothing.
fn push_literal(output: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find("{%").into_iter().chain(rest.find("{#")).min() {
        let (before, behind) = rest.split_at(at);
        output.push_str(before);
        let mark = behind.get(..2).unwrap_or_default();
        output.push_str(&format!("{{{{ \"{mark}\" }}}}"));
        rest = behind.get(2..).unwrap_or_default();
    }
    output.push_str(rest);
}
