kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_OF
file=$SKYWRIGHT_FILE
tool=$SKYWRIGHT_TOOL
if [ ! -e "$kept/first" ]; then
    changed=no
else
    if [ -e "$kept/before" ]; then cp -a "$kept/before" "$file"; else rm -f "$file"; fi
    [ ! -x "$tool" ] || "$tool" apply </dev/null >>"$log" 2>&1 9>&- || code=$?
fi
