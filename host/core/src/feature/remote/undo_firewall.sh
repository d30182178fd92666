kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_OF
file=/etc/skywright/ports.d/$SKYWRIGHT_RULE
if [ ! -e "$kept/first" ]; then
    changed=no
else
    if [ -e "$kept/before" ]; then cp -a "$kept/before" "$file"; else rm -f "$file"; fi
    /usr/local/sbin/skywright-firewall apply </dev/null >>"$log" 2>&1 9>&- || code=$?
fi
