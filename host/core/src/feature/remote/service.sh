unit=$SKYWRIGHT_UNIT
changed=no
control() {
    systemctl "$@" "$unit" </dev/null >>"$log" 2>&1 9>&-
    code=$?
    changed=yes
    # A start that a condition forbids is a success to systemd, and none to whoever asked for it.
    case $code$1 in
        0*start)
            if [ "$(systemctl show -p ConditionResult --value "$unit")" = no ]; then code=5; fi
            ;;
    esac
    [ "$code" = 0 ] || systemctl status --no-pager --lines 20 "$unit" >>"$log" 2>&1
}
is_enabled() { systemctl is-enabled -q "$unit" 2>/dev/null; }
is_active() { systemctl is-active -q "$unit"; }
if keep_first; then
    { if is_enabled; then echo enable; else echo disable; fi; if is_active; then echo start; else echo stop; fi; } >"$kept/before"
    : >"$kept/first"
fi
systemctl daemon-reload 2>>"$log"
known=$(systemctl show -p LoadState --value "$unit")
if [ "$known" = not-found ]; then
    case "$SKYWRIGHT_ENABLED $SKYWRIGHT_STATE" in
        'no ' | 'no stopped' | ' stopped') ;;
        *)
            echo "there is no service $unit" >>"$log"
            code=5
            ;;
    esac
else
    case $SKYWRIGHT_ENABLED in
        yes) is_enabled || control enable ;;
        no) ! is_enabled || control disable ;;
    esac
    if [ "$code" = 0 ]; then
        case $SKYWRIGHT_STATE in
            running) is_active || control start ;;
            stopped) ! is_active || control stop ;;
            restarted) control restart ;;
            reloaded) if is_active; then control reload-or-restart; else control start; fi ;;
        esac
    fi
fi
