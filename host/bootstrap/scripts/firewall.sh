set_firewall() {
    local backend=nftables
    [[ $FAMILY != rhel ]] || backend=firewalld
    case $backend in
        nftables) need nft nftables ;;
        firewalld) need firewall-offline-cmd firewalld ;;
    esac
    local settings="BACKEND=$backend
SSH_PORT=$SSH_PORT
SSH_FROM=$SSH_FROM
INSIDE='$INSIDE'"
    #if gateway
    settings+=$'\n'"FORWARD_FOR='$FORWARD_FOR'"$'\n'"NAT=$NAT"
    #end
    put 0644 /etc/skywright/firewall.conf <<<"$settings"
    mkdir -p /etc/skywright/ports.d
    put 0755 /usr/local/sbin/skywright-firewall <<'TOOL'
@FIREWALL_TOOL@
TOOL
    if [[ $backend == nftables ]]; then
        put 0644 /etc/systemd/system/skywright-firewall.service <<'UNIT'
@FIREWALL_UNIT@
UNIT
        enable skywright-firewall.service
    fi
    if live; then
        skywright-firewall apply
        # So that systemd knows that it is there.
        if [[ $backend == nftables ]]; then
            systemctl daemon-reload
            systemctl start skywright-firewall.service
        fi
    else
        skywright-firewall write
    fi
    [[ $backend != firewalld ]] || enable firewalld.service
}
