name_host() {
    local hosts
    put 0644 /etc/hostname <<<"$HOST_NAME"
    if [[ $(uname -n) != "$HOST_NAME" ]] && live; then
        hostnamectl set-hostname "$HOST_NAME" || hostname "$HOST_NAME" || say "note: the name holds from the next start on"
    fi
    hosts=$(awk -v line="127.0.1.1 $FULL_NAME" '
        $1 == "127.0.1.1" { if (!done) print line; done = 1; next }
        { print }
        END { if (!done) print line }' /etc/hosts)
    put 0644 /etc/hosts <<<"$hosts"
    # Otherwise cloud-init writes the cloud's own name again at every start.
    if [[ -d /etc/cloud ]]; then
        put 0644 /etc/cloud/cloud.cfg.d/95-skywright.cfg <<<$'preserve_hostname: true\nmanage_etc_hosts: false'
    fi
}
