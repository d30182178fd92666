# The text of a file that a tool of this host's reads comes by the input; none takes the file away.
file=$SKYWRIGHT_FILE
tool=$SKYWRIGHT_TOOL
cat >"$dir/content"
if [ -x "$tool" ]; then
    if keep_first; then
        [ ! -f "$file" ] || cp -a "$file" "$kept/before"
        : >"$kept/first"
    fi
    if [ -s "$dir/content" ]; then
        (umask 022; mkdir -p "${file%/*}")
        write_file "$file" "$dir/content" 644 root root 2>>"$log" || changed=no
    elif [ -e "$file" ]; then
        rm -f "$file"
    else
        changed=no
    fi
    # A try before this one may have written what it could not put in force.
    if [ "$code" = 0 ] && { [ "$changed" = yes ] || [ -e "$kept/written" ]; }; then
        changed=yes
        : >"$kept/written"
        "$tool" apply </dev/null >>"$log" 2>&1 9>&- || code=$?
        [ "$code" != 0 ] || rm -f "$kept/written"
    fi
elif [ -s "$dir/content" ] && [ -n "$SKYWRIGHT_WITHOUT" ]; then
    echo "$tool is not here: $SKYWRIGHT_WITHOUT" >>"$log"
    code=1
else
    changed=no
fi
