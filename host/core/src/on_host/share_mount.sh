readonly SOURCE=$2 PLACE=$3 ACCESS=$4 OPTION=x-skywright.share=$1

if mountpoint -q "$PLACE"; then
    # By an attempt before this one.
    [[ $(findmnt -n -o SOURCE --mountpoint "$PLACE") == "$SOURCE" ]] ||
        die "something else is mounted at $PLACE"
else
    [[ ! -d $PLACE || -z $(ls -A "$PLACE") ]] || die "$PLACE is not empty: what is in it would be hidden"
    { modprobe -q nfs || true; } 2>/dev/null
    grep -qw nfs4 /proc/filesystems || die "its kernel has no NFS client" "$UNSUPPORTED"
    need mount.nfs4 nfs-common nfs-utils
    mkdir -p "$PLACE"
    mount -t nfs4 -o "$ACCESS,nosuid,nodev" "$SOURCE" "$PLACE"
    forget_mount "$OPTION"
    { cat /etc/fstab; printf '%s %s nfs4 %s,nosuid,nodev,nofail,_netdev,%s 0 0\n' "$SOURCE" "$PLACE" "$ACCESS" "$OPTION"; } |
        put 0644 /etc/fstab
    reload
fi
