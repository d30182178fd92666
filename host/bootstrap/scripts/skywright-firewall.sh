#!/bin/bash
# Makes the inbound firewall of this host: `skywright-firewall apply`; `write` only writes it down.
# Each file in /etc/skywright/ports.d opens ports, a line each: `tcp|udp PORT[-PORT] inside|anywhere|A.B.C.D/N`.
# A line that is none is told and left out, for the rest has to hold; the exit code is 1 then.
set -Eeuo pipefail
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
BACKEND='' SSH_PORT='' SSH_FROM='' INSIDE=''
#if gateway
FORWARD_FOR='' NAT=''
#end
# One at a time: who comes second reads what the first one opened.
exec 9>/run/skywright.lock
flock 9
# shellcheck source=/dev/null
. /etc/skywright/firewall.conf
PORTS=("tcp $SSH_PORT $SSH_FROM")
FAULTS=0
CHANGED=false

O='(25[0-5]|(2[0-4]|1?[0-9])?[0-9])'
FROM="inside|anywhere|($O\.){3}$O/([12]?[0-9]|3[0-2])"

read_ports() {
    local file line protocol ports from first last
    for file in /etc/skywright/ports.d/*; do
        [[ -f $file && $file != *.skywright-new ]] || continue
        while IFS= read -r line || [[ -n $line ]]; do
            [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
            if [[ $line =~ ^(tcp|udp)\ +([0-9]{1,5})(-([0-9]{1,5}))?\ +($FROM)$ ]]; then
                protocol=${BASH_REMATCH[1]} from=${BASH_REMATCH[5]}
                first=$((10#${BASH_REMATCH[2]})) last=$((10#${BASH_REMATCH[4]:-${BASH_REMATCH[2]}}))
                if ((first >= 1 && first <= last && last <= 65535)); then
                    ports=$first
                    ((first == last)) || ports+="-$last"
                    PORTS+=("$protocol $ports $from")
                    continue
                fi
            fi
            printf '%s: not a port to open: %q\n' "$file" "$line" >&2
            FAULTS=1
        done <"$file"
    done
}

made() { # PATH COMMAND
    local text
    text=$("${@:2}")
    [[ -f $1 && $(<"$1") == "$text" ]] && return
    mkdir -p "${1%/*}"
    printf '%s\n' "$text" >"$1.skywright-new"
    chmod 0644 "$1.skywright-new"
    mv -f "$1.skywright-new" "$1"
    CHANGED=true
}

# Of an own table, replaced in one transaction: nobody else's rules are touched. What it sets goes with its subshell.
nftables_rules() {
    echo '# By skywright-firewall: changes are lost.'
    printf 'table inet skywright\ndelete table inet skywright\ntable inet skywright {\n'
    [[ -z $INSIDE ]] || printf 'set inside { type ipv4_addr; flags interval; auto-merge; elements = { %s } }\n' "${INSIDE// /, }"
    #if gateway
    [[ -z $FORWARD_FOR ]] || printf 'set forwarded { type ipv4_addr; flags interval; auto-merge; elements = { %s } }\n' "${FORWARD_FOR// /, }"
    #end
    cat <<'RULES'
chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    ct state invalid drop
    meta l4proto { icmp, ipv6-icmp } accept
    udp sport 67 udp dport 68 accept
    ip6 saddr fe80::/10 udp dport 546 accept
RULES
    for rule in "${PORTS[@]}"; do
        read -r protocol ports from <<<"$rule"
        case $from in
            anywhere) echo "$protocol dport $ports accept" ;;
            [0-9]*) echo "ip saddr $from $protocol dport $ports accept" ;;
            inside) [[ -z $INSIDE ]] || echo "$protocol dport $ports ip saddr @inside accept" ;;
        esac
    done
    echo '}'
    #if gateway
    # Containers and published ports of the gateway itself go on; what comes from outside does not go in.
    [[ -z $FORWARD_FOR ]] || cat <<'RULES'
chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    ip saddr @forwarded accept
    ct status dnat accept
    meta iifkind "bridge" accept
}
RULES
    [[ -z $FORWARD_FOR || $NAT != true ]] || cat <<'RULES'
chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @forwarded ip daddr != @inside masquerade
}
RULES
    #end
    echo '}'
}

# What comes from inside is in a zone of its own, by its source; all else is in the default zone.
firewalld_zone() { # inside|anywhere
    local range
    echo '<zone target="DROP">'
    [[ $1 == anywhere ]] || for range in $INSIDE; do echo "<source address=\"$range\"/>"; done
    printf '<service name="dhcpv6-client"/>\n<protocol value="icmp"/>\n<protocol value="ipv6-icmp"/>\n'
    for rule in "${PORTS[@]}"; do
        read -r protocol ports from <<<"$rule"
        ports="<port protocol=\"$protocol\" port=\"$ports\"/>"
        case $from:$1 in
            # Where the range and the hosts' own overlap, the other zone has the packet.
            [0-9]*) echo "<rule family=\"ipv4\"><source address=\"$from\"/>$ports<accept/></rule>" ;;
            anywhere:* | inside:inside) echo "$ports" ;;
        esac
    done | sort -u
    #if gateway
    [[ $1 == anywhere || -z $FORWARD_FOR ]] || echo '<forward/>'
    #end
    echo '</zone>'
}

#if gateway
# Out to anywhere: the default zone has no interfaces of its own, and such a one is no egress zone.
firewalld_policy() {
    local range
    echo '<policy target="CONTINUE">'
    for range in $FORWARD_FOR; do
        range="<rule family=\"ipv4\"><source address=\"$range\"/>"
        echo "$range<accept/></rule>"
        [[ $NAT != true ]] || echo "$range<destination ipset=\"skywright-inside\" invert=\"true\"/><masquerade/></rule>"
    done
    printf '<ingress-zone name="skywright-inside"/>\n<egress-zone name="ANY"/>\n</policy>\n'
}

firewalld_inside() {
    local range
    echo '<ipset type="hash:net">'
    for range in $INSIDE; do echo "<entry>$range</entry>"; done
    echo '</ipset>'
}
#end

write_firewalld() {
    local main=/etc/firewalld/firewalld.conf
    made /etc/firewalld/zones/skywright.xml firewalld_zone anywhere
    [[ -z $INSIDE ]] || made /etc/firewalld/zones/skywright-inside.xml firewalld_zone inside
    #if gateway
    if [[ -n $FORWARD_FOR ]]; then
        made /etc/firewalld/ipsets/skywright-inside.xml firewalld_inside
        made /etc/firewalld/policies/skywright-forward.xml firewalld_policy
    fi
    #end
    made "$main" sed -E 's/^DefaultZone=.*/DefaultZone=skywright/' "$main"
    firewall-offline-cmd --check-config >/dev/null
}

[[ ${1:-} == @(apply|write) ]] || {
    echo "usage: skywright-firewall apply|write" >&2
    exit 2
}
read_ports
if [[ $BACKEND == nftables ]]; then
    made /etc/skywright/firewall.nft nftables_rules
    [[ $1 == write ]] || nft -f /etc/skywright/firewall.nft
else
    write_firewalld
    if [[ $1 == apply ]]; then
        if [[ $(firewall-cmd --state 2>/dev/null) == running ]]; then
            ! $CHANGED || firewall-cmd --quiet --reload
        else
            systemctl enable --quiet --now firewalld.service
        fi
    fi
fi
exit "$FAULTS"
