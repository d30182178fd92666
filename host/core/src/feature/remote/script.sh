cat >"$dir/script"
if [ -n "$SKYWRIGHT_CREATES" ] && [ -e "$SKYWRIGHT_CREATES" ]; then
    outcome=skipped changed=no
elif [ -n "$SKYWRIGHT_UNLESS" ] && (umask 022; exec sh -c "$SKYWRIGHT_UNLESS") </dev/null >>"$log" 2>&1 9>&-; then
    outcome=skipped changed=no
else
    : >"$dir/output"
    set --
    if [ -n "$SKYWRIGHT_USER" ] && [ "$SKYWRIGHT_USER" != root ]; then
        chmod 0711 "$dir"
        chown "$SKYWRIGHT_USER" "$dir/script" "$dir/output" || code=$?
        set -- runuser -u "$SKYWRIGHT_USER" --
    fi
    # A program and its arguments, separated by blanks.
    set -f
    # shellcheck disable=SC2086
    set -- "$@" $SKYWRIGHT_INTERPRETER "$dir/script"
    set +f
    if [ "$code" = 0 ]; then
        (
            unset SKYWRIGHT_RUN SKYWRIGHT_STEP SKYWRIGHT_CREATES SKYWRIGHT_UNLESS SKYWRIGHT_USER SKYWRIGHT_INTERPRETER
            umask 022
            SKYWRIGHT_OUTPUT=$dir/output exec "$@"
        ) </dev/null >>"$log" 2>&1 9>&-
        code=$?
    fi
    ! grep -qx 'changed=no' "$dir/output" || changed=no
fi
rm -f "$dir/script"
