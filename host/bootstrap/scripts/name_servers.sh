#if name-servers
set_name_servers() {
    if unit_exists systemd-resolved.service && [[ $(readlink /etc/resolv.conf) == */systemd/resolve/* ]]; then
        put 0644 /etc/systemd/resolved.conf.d/skywright.conf <<<$'[Resolve]\nDNS='"$NAME_SERVERS"$'\nDomains=~.'
        if $CHANGED && live; then systemctl try-restart systemd-resolved.service; fi
    elif unit_exists NetworkManager.service; then
        put 0644 /etc/NetworkManager/conf.d/90-skywright.conf <<<$'[global-dns-domain-*]\nservers='"${NAME_SERVERS// /,}"
        if $CHANGED && live; then systemctl try-reload-or-restart NetworkManager.service; fi
    else
        local server lines=''
        for server in $NAME_SERVERS; do lines+="nameserver $server"$'\n'; done
        # In place: it may be mounted from outside.
        if [[ ! -e /etc/resolv.conf || $(grep '^nameserver ' /etc/resolv.conf)$'\n' != "$lines" ]]; then
            { printf '%s' "$lines"; grep -v '^nameserver ' /etc/resolv.conf 2>/dev/null || true; } >"$STATE/resolv.conf"
            cat "$STATE/resolv.conf" >/etc/resolv.conf
            rm -f "$STATE/resolv.conf"
        fi
    fi
}
#end
