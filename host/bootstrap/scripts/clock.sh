set_time() {
    [[ $(readlink /etc/localtime) == */zoneinfo/UTC || ! -e /usr/share/zoneinfo/UTC ]] ||
        ln -sfn ../usr/share/zoneinfo/UTC /etc/localtime
    [[ ! -e /etc/timezone ]] || put 0644 /etc/timezone <<<"Etc/UTC"
    if systemd-detect-virt --quiet --container; then
        say "note: the clock is the machine's own, which sets it"
        return
    fi
    local server lines=''
    if command -v chronyd >/dev/null; then
        local configuration=/etc/chrony.conf service=chronyd.service
        [[ $FAMILY == rhel ]] || configuration=/etc/chrony/chrony.conf service=chrony.service
        for server in $TIME_SERVERS; do lines+=$'\n'"server $server iburst prefer # skywright"; done
        put 0644 "$configuration" <<<"$(sed '/ # skywright$/d' "$configuration")$lines"
        run_unit "$service"
    elif unit_exists systemd-timesyncd.service; then
        CHANGED=false
        [[ -z $TIME_SERVERS ]] || put 0644 /etc/systemd/timesyncd.conf.d/skywright.conf <<<$'[Time]\nNTP='"$TIME_SERVERS"
        run_unit systemd-timesyncd.service
    else
        say "note: nothing in the image sets its clock: neither chrony nor systemd-timesyncd"
    fi
}
