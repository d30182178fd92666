# In one write, so that other lines of the console rarely come between. It starts with an empty line
# because the last one may not have ended.
print_host_keys() {
    local file algorithm key lines='' count=0
    for file in /etc/ssh/ssh_host_*_key.pub; do
        [[ $HOST_KEYS != ed25519 || $file == */ssh_host_ed25519_key.pub ]] || continue
        read -r algorithm key _ <"$file" || [[ $key ]]
        lines+="$algorithm $key"$'\n'
        count=$((count + 1))
    done
    ((count > 0)) || die "there is no SSH host key"
    lines=$'\n'"-----BEGIN SKYWRIGHT HOST KEYS $count-----"$'\n'"$lines-----END SKYWRIGHT HOST KEYS-----"
    printf '%s\n' "$lines"
    to_console "$lines"
}
