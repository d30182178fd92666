//! `skywright tenant get` and `tenant set`: which tenant commands are for.

use serde_json::json;
use skywright_core::{Home, TENANT_VARIABLE, set_current_tenant};

use super::args::TenantSet;
use super::{choose, request};
use crate::args::Scope;
use crate::error::Error;
use crate::output::Printer;

pub(super) fn get(scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let choice = choose(None, scope)?;
    let result = json!({ "name": choice.name, "origin": choice.origin, "provider": choice.tenant.provider });
    printer.result(&result, || format!("{} ({})", choice.name, choice.origin))
}

pub(super) fn set(args: &TenantSet, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let home = Home::from_env()?;
    let request = request(scope);
    // One that does not exist would only be noticed by the next command.
    let tenant = request.tenants(&home)?.get(&args.name)?.clone();
    if args.shell {
        let line = format!("export {TENANT_VARIABLE}={}", quoted(&tenant.name));
        return printer.result(&json!({ "name": tenant.name, "shell": line }), || line.clone());
    }
    set_current_tenant(&home, &tenant.name)?;
    if let Some(name) = request.environment.filter(|name| !name.is_empty() && *name != tenant.name) {
        printer.progress(&format!("{TENANT_VARIABLE} names `{name}` in this shell, and comes first"));
    }
    let result = json!({ "name": tenant.name, "shell": null });
    printer.result(&result, || format!("commands are for {} from now on", tenant.name))
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_is_one_word_of_the_shell() {
        for (text, word) in
            [("lab-1", "lab-1"), ("a b", "'a b'"), ("$(x)", "'$(x)'"), ("it's", "'it'\\''s'"), ("", "''")]
        {
            assert_eq!(quoted(text), word);
        }
    }
}
