kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_OF
file=/etc/skywright/routes.d/$SKYWRIGHT_ROUTE.json
if [ ! -e "$kept/first" ]; then
    changed=no
else
    if [ -e "$kept/before" ]; then cp -a "$kept/before" "$file"; else rm -f "$file"; fi
    [ ! -x /usr/local/sbin/skywright-routes ] ||
        /usr/local/sbin/skywright-routes apply </dev/null >>"$log" 2>&1 9>&- || code=$?
fi
