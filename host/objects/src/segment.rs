//! The segments of large Swift objects: the library puts them below `.segments/` in the same container
//! and does not take them away with their object.

use crate::error::Error;
use crate::name::{ObjectName, SEGMENTS};
use crate::plane::Protocol;
use crate::store::Bucket;

impl Bucket {
    /// The segments that are there for one object now. None for other protocols.
    pub(crate) async fn segments(&self, name: &ObjectName) -> Result<Vec<String>, Error> {
        if self.protocol() != Protocol::Swift {
            return Ok(Vec::new());
        }
        let folder = format!("{SEGMENTS}{name}/");
        let mut lister = self.list_raw(&folder, true, false).await?;
        let mut segments = Vec::new();
        while let Some(entry) = lister.next().await? {
            if is_segment_of(&folder, &entry.name) {
                segments.push(entry.name);
            }
        }
        Ok(segments)
    }
}

/// Whether a name is `FOLDER/upload/number`. `a/b` has its segments below those of `a`, one level deeper.
fn is_segment_of(folder: &str, name: &str) -> bool {
    let rest = name.strip_prefix(folder).and_then(|rest| rest.split_once('/'));
    rest.is_some_and(|(_, number)| number.len() == 8 && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_one_object_are_not_those_of_another_below_it() {
        let folder = ".segments/a/";
        assert!(is_segment_of(folder, ".segments/a/0f-1/00000001"));
        assert!(!is_segment_of(folder, ".segments/a/b/0f-1/00000001"));
        assert!(!is_segment_of(folder, ".segments/a/b"));
        assert!(!is_segment_of(folder, ".segments/ab/0f-1/00000001"));
    }
}
