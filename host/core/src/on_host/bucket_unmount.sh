readonly NAME=$1 PLACE=$2
readonly UNIT=skywright-bucket-$NAME.service

# What is written is on its way to the store for a moment: rclone hands it over when it is told to end.
unmount "$PLACE"
if [[ -e /etc/systemd/system/$UNIT ]]; then
    systemctl -q disable --now "$UNIT" 2>/dev/null || true
    rm -f "/etc/systemd/system/$UNIT"
    reload
    systemctl reset-failed "$UNIT" 2>/dev/null || true
fi
rm -rf "/etc/skywright/buckets/$NAME.conf" "/var/cache/skywright/buckets/$NAME"
rmdir /etc/skywright/buckets /var/cache/skywright/buckets /var/cache/skywright "$PLACE" 2>/dev/null || true
