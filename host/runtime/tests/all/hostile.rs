//! One hostile guest for each limit and each rule of loading. The rules of `http` and of
//! credentials have theirs in the end-to-end tests, where a guest can write a request.

use std::time::Duration;

use skywright_contract::PackageError;
use skywright_runtime::{Error, LimitName, Limits};

use crate::guest::{Guest, alive, engine, fails, poll as poll_once, raw};

/// Limits that are quick to meet.
fn small() -> Limits {
    Limits {
        cpu_time: Duration::from_millis(100),
        cpu_time_describe: Duration::from_millis(50),
        ..Limits::default()
    }
}

#[track_caller]
fn assert_limit(error: &Error, name: LimitName) {
    match error {
        Error::Limit(limit) if limit.limit == name => {
            assert!(limit.allowed > 0 && error.to_string().contains(name.name()), "{error}");
        }
        other => panic!("expected the limit {name}, got {other:?}"),
    }
}

const FOREVER: &str = "(loop $again (br $again)) (unreachable)";

#[tokio::test]
async fn an_endless_loop_meets_the_cpu_limit() {
    let error = fails(small(), &Guest { poll: FOREVER, ..Guest::default() }).await;
    assert_limit(&error, LimitName::CpuTimeMs);
    assert!(matches!(&error, Error::Limit(limit) if limit.used > Some(limit.allowed)));
}

#[tokio::test]
async fn an_endless_describe_meets_the_smaller_cpu_limit() {
    let engine = engine(small());
    let plugin = engine.load(&Guest { describe: FOREVER, ..Guest::default() }.plugin()).await.unwrap();
    let error = plugin.describe_provider().await.unwrap_err();
    assert!(matches!(&error, Error::Limit(limit) if limit.allowed == 50), "{error}");
    alive(&engine).await;
}

#[tokio::test]
async fn an_endless_start_function_meets_the_cpu_limit() {
    let items = "(func $start (loop $again (br $again))) (start $start)";
    assert_limit(&fails(small(), &Guest { items, ..Guest::default() }).await, LimitName::CpuTimeMs);
}

#[tokio::test]
async fn an_endless_allocator_meets_the_cpu_limit() {
    let error = fails(small(), &Guest { allocate: FOREVER, ..Guest::default() }).await;
    assert_limit(&error, LimitName::CpuTimeMs);
}

#[tokio::test]
async fn an_allocator_that_answers_outside_memory_is_a_trap() {
    let guest = Guest { allocate: "(return (i32.const 65535))", ..Guest::default() };
    assert!(matches!(fails(Limits::default(), &guest).await, Error::Trap(_)));
}

#[tokio::test]
async fn cheap_host_calls_do_not_hide_cpu_time() {
    let imports = r#"(import "skywright:host/clock@0.1.0" "now" (func $now (result i64)))"#;
    let poll = "(loop $again (drop (call $now)) (br $again)) (unreachable)";
    let error =
        fails(small(), &Guest { imports, poll, capabilities: r#""clock""#, ..Guest::default() }).await;
    assert_limit(&error, LimitName::CpuTimeMs);
}

#[tokio::test]
async fn waiting_for_the_wall_limit_is_not_needed_to_stop_a_guest() {
    let limits = Limits { wall_time: Duration::from_millis(100), ..Limits::default() };
    let error = fails(limits, &Guest { poll: FOREVER, ..Guest::default() }).await;
    assert_limit(&error, LimitName::WallTimeMs);
}

#[tokio::test]
async fn a_cancelled_call_ends() {
    let engine = engine(Limits::default());
    let plugin = engine.load(&Guest { poll: FOREVER, ..Guest::default() }.plugin()).await.unwrap();
    let session = std::sync::Arc::new(skywright_runtime::Session::nothing());
    let mut instance = plugin.instantiate(&session).await.unwrap();
    let cancel = session.cancellation();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    let function = plugin.function("driver.poll").unwrap();
    let error = instance.call_json(function, &[serde_json::json!("t")]).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    alive(&engine).await;
}

#[tokio::test]
async fn memory_that_grows_without_end_meets_the_limit() {
    let poll = "(loop $again (drop (memory.grow (i32.const 64))) (br $again)) (unreachable)";
    let error = fails(Limits::default(), &Guest { poll, ..Guest::default() }).await;
    assert_limit(&error, LimitName::MemoryBytes);
}

#[tokio::test]
async fn a_memory_that_starts_too_large_meets_the_limit() {
    let memory = r#"(memory (export "memory") 5000)"#;
    let error = fails(Limits::default(), &Guest { memory, ..Guest::default() }).await;
    assert_limit(&error, LimitName::MemoryBytes);
}

#[tokio::test]
async fn many_memories_count_together() {
    // Each is below the limit; together they are not.
    let items = "(memory $a 2000) (memory $b 2000) (memory $c 2000)";
    let error = fails(Limits::default(), &Guest { items, ..Guest::default() }).await;
    assert_limit(&error, LimitName::MemoryBytes);
}

#[tokio::test]
async fn too_many_memories_meet_the_limit() {
    let items = "(memory 0) ".repeat(20);
    let error = fails(Limits::default(), &Guest { items: &items, ..Guest::default() }).await;
    assert_limit(&error, LimitName::Memories);
}

#[tokio::test]
async fn too_many_tables_meet_the_limit() {
    let items = "(table 0 funcref) ".repeat(70);
    let error = fails(Limits::default(), &Guest { items: &items, ..Guest::default() }).await;
    assert_limit(&error, LimitName::Tables);
}

#[tokio::test]
async fn a_table_that_starts_too_large_meets_the_limit() {
    let error =
        fails(Limits::default(), &Guest { items: "(table 200000 funcref)", ..Guest::default() }).await;
    assert_limit(&error, LimitName::TableElements);
}

#[tokio::test]
async fn a_table_that_grows_without_end_meets_the_limit() {
    let items = "(table $t 1 funcref)";
    let poll =
        "(loop $again (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $again)) (unreachable)";
    let error = fails(Limits::default(), &Guest { items, poll, ..Guest::default() }).await;
    assert_limit(&error, LimitName::TableElements);
}

#[tokio::test]
async fn endless_recursion_meets_the_stack_limit() {
    let poll = "(call $poll (i32.const 0) (i32.const 0))";
    let error = fails(Limits::default(), &Guest { poll, ..Guest::default() }).await;
    assert_limit(&error, LimitName::StackBytes);
}

#[tokio::test]
async fn too_many_core_instances_meet_the_limit() {
    let engine = engine(Limits::default());
    let valid = crate::guest::plugin_with_instances(100);
    let plugin = engine.load(&valid).await.unwrap();
    let error = crate::guest::poll(&plugin).await.unwrap_err();
    assert_limit(&error, LimitName::Instances);
    alive(&engine).await;
}

#[tokio::test]
async fn handles_without_end_meet_the_limit() {
    let guest = Guest {
        world: "export things: interface { resource thing; }",
        imports: r#"(import "[export]things" "[resource-new]thing" (func $new (param i32) (result i32)))"#,
        poll: "(loop $again (drop (call $new (i32.const 1))) (br $again)) (unreachable)",
        ..Guest::default()
    };
    assert_limit(&fails(Limits::default(), &guest).await, LimitName::Handles);
}

const LOG: &str = r#"(import "skywright:host/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;

#[tokio::test]
async fn a_log_flood_meets_the_limit() {
    let poll = "(loop $again (call $log (i32.const 0) (i32.const 4096) (i32.const 4000) (i32.const 0) (i32.const 0)) (br $again)) (unreachable)";
    let guest = Guest { imports: LOG, poll, capabilities: r#""log""#, ..Guest::default() };
    assert_limit(&fails(Limits::default(), &guest).await, LimitName::LogBytes);
}

#[tokio::test]
async fn a_giant_string_to_the_host_meets_the_copy_limit() {
    let memory = r#"(memory (export "memory") 400)"#;
    let poll = "(call $log (i32.const 0) (i32.const 0) (i32.const 20000000) (i32.const 0) (i32.const 0)) (unreachable)";
    let guest = Guest { imports: LOG, poll, memory, capabilities: r#""log""#, ..Guest::default() };
    assert_limit(&fails(Limits::default(), &guest).await, LimitName::CopiedBytes);
}

#[tokio::test]
async fn a_giant_list_to_the_host_meets_the_copy_limit() {
    // Two million fields of 16 bytes each; the host would need far more for them.
    let memory = r#"(memory (export "memory") 600)"#;
    let poll = "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2000000)) (unreachable)";
    let guest = Guest { imports: LOG, poll, memory, capabilities: r#""log""#, ..Guest::default() };
    assert_limit(&fails(Limits::default(), &guest).await, LimitName::CopiedBytes);
}

#[tokio::test]
async fn a_string_outside_memory_is_a_trap() {
    let poll = "(call $log (i32.const 0) (i32.const 60000) (i32.const 60000) (i32.const 0) (i32.const 0)) (unreachable)";
    let guest = Guest { imports: LOG, poll, capabilities: r#""log""#, ..Guest::default() };
    assert!(matches!(fails(Limits::default(), &guest).await, Error::Trap(_)));
}

#[tokio::test]
async fn an_enum_that_there_is_not_is_a_trap() {
    let poll =
        "(call $log (i32.const 99) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (unreachable)";
    let guest = Guest { imports: LOG, poll, capabilities: r#""log""#, ..Guest::default() };
    assert!(matches!(fails(Limits::default(), &guest).await, Error::Trap(_)));
}

#[tokio::test]
async fn an_answer_outside_memory_is_a_trap() {
    assert!(matches!(
        fails(Limits::default(), &Guest { poll: "(i32.const 65532)", ..Guest::default() }).await,
        Error::Trap(_)
    ));
}

#[tokio::test]
async fn an_answer_that_is_not_text_is_a_trap() {
    // `describe` answers with a name of two bytes that are not UTF-8.
    let items = r#"(data (i32.const 2048) "\00\0c\00\00\02\00\00\00") (data (i32.const 3072) "\ff\fe")"#;
    let engine = engine(Limits::default());
    let plugin = engine.load(&Guest { items, ..Guest::default() }.plugin()).await.unwrap();
    assert!(matches!(plugin.describe_provider().await, Err(Error::Trap(_))));
    alive(&engine).await;
}

#[tokio::test]
async fn a_trap_names_plugin_function_frames_and_whom_to_tell() {
    let items = "(func $inner (unreachable)) (func $outer (call $inner))";
    let error =
        fails(Limits::default(), &Guest { items, poll: "(call $outer) (unreachable)", ..Guest::default() })
            .await;
    let text = error.to_string();
    for part in ["plugin test/guest 1.2.3 crashed in driver.poll", "unreachable", "inner", "outer"] {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
    assert_eq!(error.hint().unwrap(), "report it to https://example.org/defects");
}

#[tokio::test]
async fn a_trap_in_describe_harms_nobody() {
    let engine = engine(Limits::default());
    let plugin =
        engine.load(&Guest { describe: "(unreachable)", ..Guest::default() }.plugin()).await.unwrap();
    assert!(matches!(plugin.describe_provider().await, Err(Error::Trap(_))));
    alive(&engine).await;
}

#[tokio::test]
async fn an_instance_that_failed_is_not_used_again() {
    let engine = engine(Limits::default());
    let plugin = engine.load(&Guest { poll: "(unreachable)", ..Guest::default() }.plugin()).await.unwrap();
    let session = std::sync::Arc::new(skywright_runtime::Session::nothing());
    let mut instance = plugin.instantiate(&session).await.unwrap();
    let poll = plugin.function("driver.poll").unwrap();
    let describe = plugin.function("driver.describe").unwrap();
    assert!(instance.call_json(poll, &[serde_json::json!("t")]).await.is_err());
    assert!(instance.call_json(describe, &[]).await.unwrap_err().to_string().contains("has failed before"));
}

#[tokio::test]
async fn a_division_by_zero_is_a_trap_with_its_name() {
    let error = fails(
        Limits::default(),
        &Guest { poll: "(i32.div_u (i32.const 1) (i32.const 0))", ..Guest::default() },
    )
    .await;
    assert!(error.to_string().contains("divide by zero"), "{error}");
}

#[tokio::test]
async fn an_undeclared_import_is_refused_by_name() {
    let poll =
        "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    let error = fails(Limits::default(), &Guest { imports: LOG, poll, ..Guest::default() }).await;
    match error {
        Error::Package(PackageError::UndeclaredImports(imports)) => {
            assert_eq!(imports, ["skywright:host/log@0.1.0 (needs log)"]);
        }
        other => panic!("{other:?}"),
    }
}

/// A manifest may ask for them, and the component loads: what decides is whom the session lends them to.
#[tokio::test]
async fn machines_that_are_not_lent_refuse_every_call() {
    let imports = r#"(import "skywright:host/machines@0.1.0" "networks" (func $networks (param i32)))"#;
    // The answer lies at 512: an error, whose category is the third, `forbidden`.
    let poll = "(call $networks (i32.const 512))
        (if (i32.ne (i32.load8_u (i32.const 512)) (i32.const 1)) (then (unreachable)))
        (if (i32.ne (i32.load8_u (i32.const 520)) (i32.const 2)) (then (unreachable)))
        (i32.const 1024)";
    let world = "import skywright:host/machines@0.1.0;";
    let guest = Guest { imports, world, poll, capabilities: r#""machines""#, ..Guest::default() };
    let engine = engine(Limits::default());
    let plugin = engine.load(&guest.plugin()).await.unwrap();
    assert_eq!(poll_once(&plugin).await.unwrap(), serde_json::json!({ "done": "" }));
    let silent = Guest { capabilities: "", ..guest };
    match engine.load(&silent.plugin()).await {
        Err(Error::Package(PackageError::UndeclaredImports(imports))) => {
            assert_eq!(imports, ["skywright:host/machines@0.1.0 (needs machines)"]);
        }
        other => panic!("{:?}", other.map(|_| "it was accepted")),
    }
    alive(&engine).await;
}

#[tokio::test]
async fn imports_that_nothing_covers_are_refused_by_name() {
    for import in [
        "wasi:sockets/tcp@0.2.0",
        "skywright:host/secrets@0.1.0",
        "evil:host/exec@1.0.0",
        "wasi:http/incoming-handler@0.2.0",
    ] {
        let wat = format!(r#"(component (import "{import}" (instance (export "f" (func)))))"#);
        match engine(Limits::default()).load(&raw(&wat, r#""http","wasi""#)).await {
            Err(Error::Package(PackageError::UnknownImports(imports))) => assert_eq!(imports, [import]),
            Err(other) => panic!("{import}: {other:?}"),
            Ok(_) => panic!("{import} was accepted"),
        }
    }
}

#[tokio::test]
async fn an_import_with_other_functions_than_the_hosts_is_refused() {
    let wat = r#"(component (import "skywright:host/clock@0.1.0" (instance (export "sleep" (func)))))"#;
    let error = engine(Limits::default()).load(&raw(wat, r#""clock""#)).await.err().unwrap();
    assert!(matches!(error, Error::Package(_)), "{error:?}");
}
