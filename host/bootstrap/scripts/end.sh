end() {
    sync -f "$STATE" 2>/dev/null || true
    touch "$STATE/bootstrap.done"
    status 'done' '' '' ''
    say "bootstrap done"
}
