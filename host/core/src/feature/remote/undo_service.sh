kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_OF
if [ ! -e "$kept/first" ]; then
    changed=no
else
    systemctl daemon-reload 2>>"$log"
    if [ "$(systemctl show -p LoadState --value "$SKYWRIGHT_UNIT")" = not-found ]; then
        changed=no
    else
        while read -r verb; do
            systemctl "$verb" "$SKYWRIGHT_UNIT" </dev/null >>"$log" 2>&1 9>&- || code=$?
        done <"$kept/before"
    fi
fi
