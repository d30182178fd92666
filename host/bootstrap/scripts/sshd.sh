make_host_keys() {
    if [[ $HOST_KEYS == ed25519 ]]; then
        [[ -s /etc/ssh/ssh_host_ed25519_key ]] || ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
    else
        ssh-keygen -A
    fi
    label /etc/ssh
}

# The first value that sshd reads holds, so ours is read first. Ports add up: others are taken out.
configure_sshd() {
    local main=/etc/ssh/sshd_config ours=/etc/ssh/sshd_config.d/00-skywright.conf file text
    need sshd openssh-server
    make_host_keys
    text="# Written by Skywright.
Port $SSH_PORT
PermitRootLogin no
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
X11Forwarding no
AllowTcpForwarding yes
UseDNS no
LoginGraceTime 30
ClientAliveInterval 60
MaxSessions 64
MaxStartups 64:30:256"
    [[ $HOST_KEYS != ed25519 ]] || text+=$'\nHostKey /etc/ssh/ssh_host_ed25519_key'
    cp -p "$ours" "$STATE/sshd.before" 2>/dev/null || rm -f "$STATE/sshd.before"
    put 0600 "$ours" <<<"$text"
    local changed=$CHANGED
    if ! grep -Eiq '^[[:space:]]*Include[[:space:]]+/etc/ssh/sshd_config\.d/\*\.conf' "$main"; then
        put 0600 "$main" <<<"Include /etc/ssh/sshd_config.d/*.conf"$'\n'"$(<"$main")"
        changed=true
    fi
    for file in "$main" /etc/ssh/sshd_config.d/*.conf; do
        if [[ $file != "$ours" ]] && grep -Eiq '^[[:space:]]*Port[[:space:]=]' "$file"; then
            sed -i -E 's/^[[:space:]]*Port[[:space:]=]/# by Skywright: &/I' "$file"
            changed=true
        fi
    done
    # sshd wants it to check anything, and only its unit makes it.
    mkdir -p /run/sshd
    check_sshd || {
        # What is running must go on to be able to start again.
        if [[ -f $STATE/sshd.before ]]; then mv -f "$STATE/sshd.before" "$ours"; else rm -f "$ours"; fi
        die "sshd does not take its new configuration: $(tail -n 1 "$LOG")"
    }
    rm -f "$STATE/sshd.before"
    #if port
    allow_port_in_selinux
    #end
    ! $changed || reload_sshd
}

check_sshd() {
    local effective line
    sshd -t || return 1
    effective=$(sshd -T -C user=root,host=localhost,addr=127.0.0.1) || return 1
    for line in "port $SSH_PORT" 'passwordauthentication no' 'kbdinteractiveauthentication no' 'permitrootlogin no'; do
        grep -qxF "$line" <<<"$effective" || { echo "another file overrides '$line'"; return 1; }
    done
    (($(grep -c '^port ' <<<"$effective") == 1)) || { echo "another file sets a port"; return 1; }
}

#if port
allow_port_in_selinux() {
    command -v selinuxenabled >/dev/null && selinuxenabled || return 0
    need semanage policycoreutils-python-utils
    semanage port -l | grep -E "^ssh_port_t .*\b$SSH_PORT\b" >/dev/null ||
        semanage port -a -t ssh_port_t -p tcp "$SSH_PORT" || semanage port -m -t ssh_port_t -p tcp "$SSH_PORT"
}
#end

reload_sshd() {
    live || return 0
    systemctl daemon-reload
    # Ubuntu listens for sshd with a socket unit, whose port is made of sshd's configuration.
    ! systemctl --quiet is-active ssh.socket || systemctl restart ssh.socket
    if [[ $FAMILY == debian ]]; then
        systemctl try-reload-or-restart ssh.service
    else
        systemctl try-reload-or-restart sshd.service
    fi
}
