changed=no
probe() {
    case $SKYWRIGHT_PROBE in
        tcp) [ -n "$(ss -Htln "sport = :$SKYWRIGHT_WHAT")" ] ;;
        http)
            if command -v curl >/dev/null; then
                curl -fsSkL --max-time 10 -o /dev/null -- "$SKYWRIGHT_WHAT"
            elif command -v wget >/dev/null; then
                wget -q --no-check-certificate -T 10 -O /dev/null -- "$SKYWRIGHT_WHAT"
            else
                python3 -c 'import ssl, sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=10, context=ssl._create_unverified_context())' "$SKYWRIGHT_WHAT"
            fi
            ;;
        command) timeout 60 sh -c "$SKYWRIGHT_WHAT" ;;
    esac
}
until=$(($(date +%s) + SKYWRIGHT_AT_MOST))
while :; do
    : >"$log"
    probe </dev/null >>"$log" 2>&1 9>&- && break
    if [ "$(date +%s)" -ge "$until" ]; then
        echo "it was waited for $SKYWRIGHT_AT_MOST s" >>"$log"
        code=124
        break
    fi
    sleep "$SKYWRIGHT_EVERY"
done
