path=$SKYWRIGHT_PATH
kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_OF
if [ ! -e "$kept/first" ]; then
    changed=no
else
    rm -f -- "$path" 2>>"$log" || code=$?
    if [ -e "$kept/before" ] || [ -L "$kept/before" ]; then
        cp -a -- "$kept/before" "$path" 2>>"$log" || code=$?
    fi
    while IFS= read -r made; do
        rmdir -- "$made" 2>>"$log" || break
    done <<MADE
$(cat "$kept/made" 2>/dev/null)
MADE
fi
