# The keys are in ACCESS_KEY, SECRET_KEY and SESSION_TOKEN, which stand before this script and in no command line.
readonly NAME=$1 ENDPOINT=$2 REGION=$3 STYLE=$4 PLACE=$5 ACCESS=$6
readonly CONFIG=/etc/skywright/buckets/$NAME.conf UNIT=skywright-bucket-$NAME.service
readonly CACHE=/var/cache/skywright/buckets/$NAME

{ modprobe -q fuse || true; } 2>/dev/null
[[ -c /dev/fuse ]] || die "it has no FUSE" "$UNSUPPORTED"
need rclone rclone rclone
need fusermount3 fuse3 fuse3
if mountpoint -q "$PLACE"; then
    # By an attempt before this one.
    [[ $(findmnt -n -o SOURCE --mountpoint "$PLACE") == "bucket:$NAME" ]] ||
        die "something else is mounted at $PLACE"
else
    [[ ! -d $PLACE || -z $(ls -A "$PLACE") ]] || die "$PLACE is not empty: what is in it would be hidden"
fi
mkdir -p "$PLACE" "$CACHE"
chmod 0700 "$CACHE"
(umask 077 && mkdir -p "${CONFIG%/*}")
put 0600 "$CONFIG" <<END
[bucket]
type = s3
provider = Other
endpoint = $ENDPOINT
region = $REGION
force_path_style = $STYLE
access_key_id = $ACCESS_KEY
secret_access_key = $SECRET_KEY
session_token = $SESSION_TOKEN
END
only=''
[[ $ACCESS == rw ]] || only=' --read-only'
put 0644 "/etc/systemd/system/$UNIT" <<END
[Unit]
Description=The bucket $NAME at $PLACE
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
ExecStart=/usr/bin/rclone mount --config $CONFIG --cache-dir $CACHE --vfs-cache-mode writes --allow-other --umask 022$only bucket:$NAME $PLACE
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl -q enable "$UNIT"
systemctl restart "$UNIT" || die "$(journalctl -q -o cat -n 3 -u "$UNIT" | tail -n 1)"
