//! The documented table of limits is the one in the code.

use std::time::Duration;

use skywright_runtime::{LimitName, Limits};

#[test]
fn defaults_are_the_documented_ones() {
    let limits = Limits::default();
    assert_eq!(limits.component_bytes, 64 << 20);
    assert_eq!(limits.memory_bytes, 256 << 20);
    assert_eq!((limits.instances, limits.tables, limits.memories), (64, 64, 16));
    assert_eq!(limits.table_elements, 100_000);
    assert_eq!((limits.stack_bytes, limits.copied_bytes, limits.handles), (512 << 10, 16 << 20, 10_000));
    assert_eq!(
        (limits.cpu_time, limits.cpu_time_describe),
        (Duration::from_secs(10), Duration::from_secs(2))
    );
    assert_eq!((limits.log_bytes, limits.log_line_bytes), (1 << 20, 4 << 10));
}

#[test]
fn an_operator_sets_each_by_name_and_no_other() {
    for name in LimitName::ALL {
        let mut limits = Limits::default();
        limits.set(name.name(), 7).unwrap();
        assert_ne!(limits, Limits::default(), "{name} had no effect");
    }
    let error = Limits::default().set("sandbox", 0).unwrap_err();
    assert!(error.to_string().contains("memory-bytes"));
}
