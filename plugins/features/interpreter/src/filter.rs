//! Filters beyond the template language's own.

use tera::{Kwargs, State, Tera, Value};

use serde_json::Value as Json;

/// Gives templates `quote` and `json`.
pub(crate) fn register(tera: &mut Tera) {
    tera.register_filter("quote", |value: &Value, _: Kwargs, _: &State| quote(value));
    tera.register_filter("json", |value: &Value, _: Kwargs, _: &State| json(value));
}

/// As one word of a POSIX shell; a list as words with blanks between them.
fn quote(value: &Value) -> Result<String, tera::Error> {
    if value.is_undefined() {
        return Err(tera::Error::message("`quote` of what is not defined"));
    }
    match value.as_array() {
        Some(items) => Ok(items.iter().map(|item| word(&item.to_string())).collect::<Vec<_>>().join(" ")),
        None => Ok(word(&value.to_string())),
    }
}

fn word(text: &str) -> String {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '%' | '+' | ',')
    };
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As JSON, which YAML reads, too.
fn json(value: &Value) -> Result<String, tera::Error> {
    if value.is_undefined() {
        return Err(tera::Error::message("`json` of what is not defined"));
    }
    let json: Json = serde_json::to_value(value).map_err(|error| tera::Error::message(error.to_string()))?;
    Ok(json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> Result<String, String> {
        let mut tera = Tera::default();
        register(&mut tera);
        let mut context = tera::Context::new();
        context.insert("bad", "it's; rm -rf $HOME");
        context.insert("good", "10.0.0.1/8");
        context.insert("list", &["a", "b c", ""]);
        context.insert("map", &std::collections::BTreeMap::from([("b", 1), ("a", 2)]));
        tera.render_str(template, &context, false).map_err(|error| error.to_string())
    }

    #[test]
    fn a_shell_sees_one_word() {
        assert_eq!(render("{{ bad | quote }}").unwrap(), r"'it'\''s; rm -rf $HOME'");
        assert_eq!(render("{{ good | quote }}").unwrap(), "10.0.0.1/8");
        assert_eq!(render("{{ list | quote }}").unwrap(), "a 'b c' ''");
        assert!(render("{{ nothing | quote }}").is_err());
    }

    #[test]
    fn json_is_json() {
        assert_eq!(
            render("{{ bad | json }} {{ list | json }}").unwrap(),
            r#""it's; rm -rf $HOME" ["a","b c",""]"#
        );
        assert_eq!(render("{{ map | json }}").unwrap(), r#"{"a":2,"b":1}"#);
    }
}
