# The lines to be there come by the input; none closes the ports.
file=/etc/skywright/ports.d/$SKYWRIGHT_RULE
cat >"$dir/content"
tool=/usr/local/sbin/skywright-firewall
if [ ! -x "$tool" ]; then
    # Nobody made this host with a firewall; there is nothing to open.
    changed=no
else
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
fi
