#if gateway
forward_packets() {
    put 0644 /etc/sysctl.d/90-skywright-gateway.conf <<<"net.ipv4.ip_forward = 1"
    live || return 0
    [[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]] || sysctl -q -w net.ipv4.ip_forward=1
}
#end
