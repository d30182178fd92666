make_operator() {
    local entry home group present key missing='' arguments=(--create-home --shell /bin/bash)
    need sudo sudo
    if ! entry=$(getent passwd "$OPERATOR"); then
        ! getent group "$OPERATOR" >/dev/null || arguments+=(--gid "$OPERATOR")
        # `*` is no password, and unlike `!` not a locked account, which sshd turns away where PAM is off.
        useradd "${arguments[@]}" --password '*' "$OPERATOR"
        entry=$(getent passwd "$OPERATOR")
    fi
    (($(cut -d: -f3 <<<"$entry") >= 1000)) || die "$OPERATOR is one of the system's own users here"
    home=$(cut -d: -f6 <<<"$entry")
    group=$(id -gn "$OPERATOR")
    [[ -d $home/.ssh ]] || install -d -m 0700 -o "$OPERATOR" -g "$group" "$home/.ssh"
    present=$(cat "$home/.ssh/authorized_keys" 2>/dev/null || true)
    while IFS= read -r key; do
        grep -qxF -- "$key" <<<"$present" || missing+="$key"$'\n'
    done <<<"$AUTHORIZED_KEYS"
    if [[ -n $missing ]]; then
        put 0600 "$home/.ssh/authorized_keys" <<<"${present:+$present$'\n'}${missing%$'\n'}"
        chown "$OPERATOR:$group" "$home/.ssh/authorized_keys"
        label "$home/.ssh"
    fi
    visudo -c -q -f - <<<"$OPERATOR ALL=(ALL:ALL) NOPASSWD: ALL"
    put 0440 /etc/sudoers.d/90-skywright <<<"$OPERATOR ALL=(ALL:ALL) NOPASSWD: ALL"
}
