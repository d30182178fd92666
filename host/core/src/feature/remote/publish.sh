# A route as JSON comes by the input; nothing takes it away. The edge proxy's own tool does the rest.
file=/etc/skywright/routes.d/$SKYWRIGHT_ROUTE.json
tool=/usr/local/sbin/skywright-routes
cat >"$dir/content"
if keep_first; then
    [ ! -f "$file" ] || cp -a "$file" "$kept/before"
    : >"$kept/first"
fi
if [ ! -x "$tool" ]; then
    if [ -s "$dir/content" ]; then
        echo "$tool is not here: this is no edge proxy" >>"$log"
        code=1
    else
        changed=no
    fi
else
    if [ -s "$dir/content" ]; then
        (umask 022; mkdir -p "${file%/*}")
        write_file "$file" "$dir/content" 644 root root 2>>"$log" || changed=no
    elif [ -e "$file" ]; then
        rm -f "$file"
    else
        changed=no
    fi
    if [ "$code" = 0 ] && [ "$changed" = yes ]; then
        "$tool" apply </dev/null >>"$log" 2>&1 9>&- || code=$?
    fi
fi
