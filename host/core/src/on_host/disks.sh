# The disks that the host sees, by number and node. Their nodes are asked and not the kernel, which in a container
# tells of the whole machine's.
disks() {
    local node number
    while IFS= read -r node; do
        number=$(stat -c '%t:%T' "$node")
        number=$((16#${number%:*})):$((16#${number#*:}))
        [[ -e /sys/dev/block/$number/partition ]] || printf '%s %s\n' "$number" "$node"
    done < <(find /dev -type b)
}
