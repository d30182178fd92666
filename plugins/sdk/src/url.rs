//! The little that a plugin does with URLs. The host parses them in earnest.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986.
pub(crate) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text as one segment of a path or one value of a query.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// `scheme://host:port` of an absolute URL, and what follows it (empty, or from `/` or `?` on).
#[must_use]
pub fn split_origin(url: &str) -> Option<(&str, &str)> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    (end > authority).then(|| url.split_at(end))
}

/// The value of a query's parameter, decoded: the first of that name.
#[must_use]
pub fn query_parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1.split('#').next()?;
    let value = query.split('&').find_map(|pair| match pair.split_once('=') {
        Some((key, value)) if key == name => Some(value),
        _ => None,
    })?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

/// `base` and `path` with one slash between; a path that is an absolute URL stands for itself.
#[must_use]
pub fn join(base: &str, path: &str) -> String {
    if split_origin(path).is_some() && !path.starts_with(['/', '?']) {
        return path.to_owned();
    }
    let base = base.trim_end_matches('/');
    match path.strip_prefix('/') {
        Some(path) => format!("{base}/{path}"),
        None if path.is_empty() || path.starts_with('?') => format!("{base}{path}"),
        None => format!("{base}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        assert_eq!(split_origin("https://a.b:5/v3?x"), Some(("https://a.b:5", "/v3?x")));
        assert_eq!(split_origin("https://a.b"), Some(("https://a.b", "")));
        assert_eq!(split_origin("https://a?x=/"), Some(("https://a", "?x=/")));
        assert_eq!(split_origin("/v3"), None);
        assert_eq!(split_origin("https://"), None);
    }

    #[test]
    fn joined() {
        assert_eq!(join("http://a/v2/", "/images"), "http://a/v2/images");
        assert_eq!(join("http://a/v2", "images"), "http://a/v2/images");
        assert_eq!(join("http://a/v2", ""), "http://a/v2");
        assert_eq!(join("http://a/v2", "https://b/c"), "https://b/c");
        assert_eq!(join("http://a", "/x?next=http://b/"), "http://a/x?next=http://b/");
    }

    proptest::proptest! {
        #[test]
        fn an_origin_and_the_rest_are_the_whole(text in "(https?://|[a-z:/?#]|.){0,12}") {
            if let Some((origin, rest)) = split_origin(&text) {
                proptest::prop_assert_eq!(format!("{origin}{rest}"), text);
            }
        }

        #[test]
        fn what_is_encoded_is_read_back(value in ".*") {
            let url = format!("http://a/b?x=1&v={}#f", encode(&value));
            proptest::prop_assert_eq!(query_parameter(&url, "v"), Some(value));
        }
    }

    #[test]
    fn parameters() {
        assert_eq!(query_parameter("/v2/images?limit=2&marker=a%2Fb+c", "marker").as_deref(), Some("a/b c"));
        assert_eq!(query_parameter("/v2/images?limit=2", "marker"), None);
        assert_eq!(query_parameter("/v2/images", "marker"), None);
    }
}
