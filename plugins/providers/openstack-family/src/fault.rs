//! What OpenStack's services say when they refuse.

use serde_json::Value;
use skywright_sdk::{Category, ErrorMap, ErrorRule, Fault, Response};

/// OpenStack's error map.
pub(crate) const FAULTS: ErrorMap = ErrorMap { read, rules: RULES };

const QUOTA_HINT: &str = "free something, or ask the cloud's operator for a higher quota";

const RULES: &[ErrorRule] = &[
    // A quota is a 403 to Nova, a 409 to Neutron and a 413 to Cinder.
    ErrorRule::to(Category::Quota).status(403).message("quota").hint(QUOTA_HINT),
    ErrorRule::to(Category::Quota).status(403).message("maximum number of").hint(QUOTA_HINT),
    ErrorRule::to(Category::Quota).status(409).code("OverQuota").hint(QUOTA_HINT),
    ErrorRule::to(Category::Quota).status(409).message("quota exceeded").hint(QUOTA_HINT),
    ErrorRule::to(Category::Quota).status(413).message("quota").hint(QUOTA_HINT),
    ErrorRule::to(Category::Quota).status(413).message("exceeds allowed").hint(QUOTA_HINT),
    ErrorRule::to(Category::RateLimited).status(413).code("overLimit").retry(5000),
    ErrorRule::to(Category::InUse).code("InUse"),
    ErrorRule::to(Category::InUse).status(409).message("in use"),
    ErrorRule::to(Category::Capacity).code("IpAddressGenerationFailure"),
    ErrorRule::to(Category::Capacity).code("ExternalIpAddressExhausted"),
    ErrorRule::to(Category::Capacity).code("NoMoreFixedIps"),
    ErrorRule::to(Category::Capacity).message("no valid host was found"),
    ErrorRule::to(Category::AlreadyExists).status(409).message("already exists"),
    ErrorRule::to(Category::Unauthenticated)
        .status(401)
        .hint("check the tenant's credentials: user and domain, project, or the application credential"),
    ErrorRule::to(Category::Forbidden).status(403).hint("the user lacks a role in the project for this"),
];

/// Reads the body of a refusal: JSON of one of five shapes, or a page of HTML.
fn read(response: &Response) -> Fault {
    match serde_json::from_slice(&response.body) {
        Ok(Value::Object(body)) => of_object(&body).unwrap_or_default(),
        Ok(_) => Fault::default(),
        Err(_) => Fault { message: of_page(&response.text()), ..Fault::default() },
    }
}

type Object = serde_json::Map<String, Value>;

fn of_object(body: &Object) -> Option<Fault> {
    // Placement and the newer guidelines: {"errors": [{"code", "title", "detail"}]}
    if let Some(first) = body.get("errors").and_then(|errors| errors.get(0)).and_then(Value::as_object) {
        let message = text(first, "detail").or_else(|| text(first, "title"));
        return Some(Fault { code: text(first, "code"), message, retry_after_ms: None });
    }
    // Glance: {"message": "…<br /><br />", "code": "404 Not Found", "title": "Not Found"}
    if let Some(message) = text(body, "message") {
        return Some(Fault {
            // Huawei's VPC: {"code": "VPC.0202", "message"}
            code: text(body, "title").map(|title| squeezed(&title)).or_else(|| text(body, "code")),
            message: of_page(&message),
            retry_after_ms: None,
        });
    }
    // Huawei's gateway: {"error_code": "APIGW.0308", "error_msg", "request_id"}
    if let Some(message) = text(body, "error_msg") {
        return Some(Fault { code: text(body, "error_code"), message: Some(message), retry_after_ms: None });
    }
    // All others have one key that names the fault: {"itemNotFound": {"code", "message"}}
    let (key, fault) = body.iter().next()?;
    let Some(fault) = fault.as_object() else {
        return Some(Fault { code: Some(key.clone()), message: fault_text(fault), retry_after_ms: None });
    };
    // Keystone: {"error": {"code", "message", "title"}}, Neutron: {"NeutronError": {"type", "message", "detail"}}
    let code =
        text(fault, "type").or_else(|| text(fault, "title").filter(|_| key == "error").map(|t| squeezed(&t)));
    let message = text(fault, "message").or_else(|| text(fault, "status"));
    let retry_after_ms = fault.get("retryAfter").and_then(seconds).map(|s| s.saturating_mul(1000));
    Some(Fault { code: Some(code.unwrap_or_else(|| key.clone())), message, retry_after_ms })
}

/// Old Neutrons: {"NeutronError": "…"}
fn fault_text(fault: &Value) -> Option<String> {
    fault.as_str().map(str::to_owned)
}

fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key)?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// A number, or a text of one.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// `Not Found` → `NotFound`
fn squeezed(title: &str) -> String {
    title.split_whitespace().collect()
}

/// The text of a page without its tags: what follows the heading if there is something, else the heading.
fn of_page(page: &str) -> Option<String> {
    let body = page.split_once("</h1>").map_or(page, |(_, body)| body);
    [body, page].into_iter().map(without_tags).find(|text| !text.is_empty())
}

fn without_tags(page: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for character in page.chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if in_tag => {}
            _ => text.push(character),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use skywright_sdk::types::Retry;
    use skywright_sdk::{Error, Replay};

    use super::*;

    fn error(status: u16, body: &str) -> Error {
        let response = Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
        FAULTS.error(&response, Replay::Safe)
    }

    #[track_caller]
    fn is(error: &Error, category: Category, code: &str, message: &str) {
        assert_eq!((error.category, error.code.as_str(), error.message.as_str()), (category, code, message));
    }

    #[test]
    fn keystone() {
        let body = r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#;
        is(
            &error(401, body),
            Category::Unauthenticated,
            "Unauthorized",
            "the request you have made requires authentication",
        );
    }

    #[test]
    fn nova() {
        let body = r#"{"itemNotFound": {"code": 404, "message": "Flavor nope could not be found."}}"#;
        is(&error(404, body), Category::NotFound, "itemNotFound", "flavor nope could not be found");
        let body = r#"{"forbidden": {"code": 403, "message": "Quota exceeded for instances: Requested 1, but already used 2 of 2 instances"}}"#;
        let quota = error(403, body);
        assert_eq!(quota.category, Category::Quota);
        assert!(quota.hint.is_some());
        let body =
            r#"{"overLimit": {"code": 413, "message": "This request was rate-limited.", "retryAfter": "3"}}"#;
        assert_eq!(error(413, body).retry, Retry::AfterMs(3000));
    }

    #[test]
    fn neutron() {
        let body = r#"{"NeutronError": {"type": "OverQuota", "message": "Quota exceeded for resources: ['router'].", "detail": ""}}"#;
        is(&error(409, body), Category::Quota, "OverQuota", "quota exceeded for resources: ['router']");
        let body = r#"{"NeutronError": {"type": "NetworkInUse", "message": "Unable to complete operation", "detail": ""}}"#;
        is(&error(409, body), Category::InUse, "NetworkInUse", "unable to complete operation");
        let body = r#"{"NeutronError": {"type": "IpAddressGenerationFailure", "message": "No more IP addresses", "detail": ""}}"#;
        assert_eq!(error(409, body).category, Category::Capacity);
        is(
            &error(404, r#"{"NeutronError": "No network"}"#),
            Category::NotFound,
            "NeutronError",
            "no network",
        );
    }

    #[test]
    fn glance() {
        let page = "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  \
            No image found with ID nope<br /><br />\n\n\n\n </body>\n</html>";
        is(&error(404, page), Category::NotFound, "404", "no image found with ID nope");
        let body = r#"{"message": "No image found<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}"#;
        is(&error(404, body), Category::NotFound, "NotFound", "no image found");
    }

    #[test]
    fn placement_and_ovh() {
        let body = r#"{"errors": [{"status": 404, "title": "Not Found", "detail": "No such provider.", "code": "placement.undefined_code"}]}"#;
        is(&error(404, body), Category::NotFound, "placement.undefined_code", "no such provider");
        let limited = error(429, r#"{"error":{"status":"429 Too Many Requests"}}"#);
        is(&limited, Category::RateLimited, "error", "429 Too Many Requests");
        assert_eq!(limited.retry, Retry::AfterMs(5000));
    }

    #[test]
    fn what_is_in_front() {
        let page = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>";
        let error_503 = error(503, page);
        is(&error_503, Category::Unavailable, "503", "no server is available to handle this request");
        assert_eq!(error_503.retry, Retry::AfterMs(5000));
        is(&error(502, "<html><h1>Bad Gateway</h1></html>"), Category::Unavailable, "502", "bad Gateway");
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_borne(status in 400_u16..600, body in "(\\{|\"error\"|\"message\"|:|\\}|<h1>|</h1>|>|<|.){0,20}") {
            let error = error(status, &body);
            proptest::prop_assert_eq!(error.http_status, Some(status));
            proptest::prop_assert!(error.message.chars().count() <= 400);
        }
    }

    #[test]
    fn nothing_at_all() {
        for body in ["", "null", "[]", "{}", "\"\"", "{\"a\":1}", "<", "{\"errors\":[]}", "{\"error\":{}}"] {
            let error = error(500, body);
            assert_eq!(error.category, Category::Unavailable, "{body}");
            assert_eq!(error.message, "the cloud answered with status 500", "{body}");
        }
    }
}
