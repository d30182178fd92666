path=$SKYWRIGHT_PATH
cat >"$dir/content"
if keep_first; then
    if [ -e "$path" ] || [ -L "$path" ]; then
        [ -d "$path" ] && [ ! -L "$path" ] || cp -a -- "$path" "$kept/before"
    fi
    parent=$(dirname -- "$path")
    while [ ! -d "$parent" ]; do
        printf '%s\n' "$parent" >>"$kept/made"
        parent=$(dirname -- "$parent")
    done
    : >"$kept/first"
fi
if [ -d "$path" ] && [ ! -L "$path" ]; then
    echo "$path is a folder" >>"$log"
    code=1
elif [ "$SKYWRIGHT_PRESENT" = yes ]; then
    (umask 022; mkdir -p -- "$(dirname -- "$path")") 2>>"$log" || code=$?
    [ "$code" != 0 ] ||
        write_file "$path" "$dir/content" "$SKYWRIGHT_MODE" "$SKYWRIGHT_OWNER" "$SKYWRIGHT_GROUP" 2>>"$log" ||
        changed=no
elif [ -e "$path" ] || [ -L "$path" ]; then
    rm -f -- "$path" 2>>"$log" || code=$?
else
    changed=no
fi
rm -f "$dir/content"
