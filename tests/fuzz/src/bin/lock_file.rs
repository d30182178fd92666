//! Lock files: what is read means the same when it was written again.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use skywright_registry::LockFile;

fuzz_target!(|data: &[u8]| {
    let path = Path::new("skywright.lock");
    if let Ok(lock) = LockFile::parse(path, data) {
        // A length that TOML has no number for cannot have been read from it.
        let text = lock.to_text().unwrap();
        assert_eq!(LockFile::parse(path, text.as_bytes()).unwrap(), lock);
    }
});
