//! The segments of large Swift objects: the library puts them below `.segments/` in the same container
//! and does not take them away with their object.

use crate::error::Error;
use crate::name::{ObjectName, SEGMENTS};
use crate::plane::Protocol;
use crate::store::Bucket;

/// A UUID with its hyphens.
const UUID_BYTES: usize = 36;

impl Bucket {
    /// The segments that are there for one object now. None for other protocols.
    pub(crate) async fn segments(&self, name: &ObjectName) -> Result<Vec<String>, Error> {
        if self.protocol() != Protocol::Swift {
            return Ok(Vec::new());
        }
        let beginning = format!("{SEGMENTS}{name}");
        let mut lister = self.list_raw(&beginning, true, false).await?;
        let mut segments = Vec::new();
        while let Some(entry) = lister.next().await? {
            if is_segment_of(&beginning, &entry.name) {
                segments.push(entry.name);
            }
        }
        Ok(segments)
    }
}

/// Whether a name is `BEGINNING`, the UUID of an upload, `/` and a number. Newer libraries may put a `/`
/// before the UUID. Nothing else will do: what else begins so is of another object.
fn is_segment_of(beginning: &str, name: &str) -> bool {
    let rest = name.strip_prefix(beginning).map(|rest| rest.strip_prefix('/').unwrap_or(rest));
    let Some((upload, number)) = rest.and_then(|rest| rest.split_once('/')) else { return false };
    let uuid = upload.len() == UUID_BYTES && upload.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    uuid && number.len() == 8 && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_one_object_are_not_those_of_another() {
        const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let is = |rest: &str| is_segment_of(".segments/a", &format!(".segments/a{rest}"));
        assert!(is(&format!("{UUID}/00000001")));
        assert!(is(&format!("/{UUID}/00000001")));
        for other in ["b", "/b", "/b/"] {
            assert!(!is(&format!("{other}{UUID}/00000001")), "{other}");
        }
        assert!(!is(&format!("{UUID}{UUID}/00000001")), "an object whose name ends with a UUID");
        assert!(!is(&format!("{UUID}/x")));
        assert!(!is(&format!("{UUID}/b/00000001")));
        assert!(!is(""));
    }
}
