readonly NAME=$1 PLACE=$2 FILE_SYSTEM=$3 FORMAT=$4 UUID=$5 ID=$6 DEVICE=$7 BEFORE=$8
readonly OPTION=x-skywright.volume=$NAME

# The disk that was attached: by the serial number that many clouds give it, as the one that was not there before,
# or else by the name that the cloud says. That name comes last, as the host's system often calls it otherwise.
find_disk() {
    local node number new=() deadline=$((SECONDS + 60))
    while ((SECONDS < deadline)); do
        if ((${#ID} >= 20)); then
            for node in /dev/disk/by-id/*"${ID:0:20}"*; do
                if [[ -b $node && $node != *-part[0-9]* ]]; then
                    readlink -f "$node"
                    return
                fi
            done
        fi
        new=()
        while read -r number node; do
            [[ " $BEFORE " == *" $number "* ]] || new+=("$node")
        done < <(disks)
        ((${#new[@]} < 2)) || die "several disks are new on the host: ${new[*]}"
        if ((${#new[@]} == 1)); then
            printf '%s' "${new[0]}"
            return
        fi
        if [[ -n $DEVICE && -b $DEVICE ]]; then
            printf '%s' "$DEVICE"
            return
        fi
        sleep 0.3
    done
    die "the host does not see the volume's disk"
}

# Nothing, what is on it, or a word that is no file system.
content() { # DISK
    local status=0 found
    found=$(blkid -p -o value -s TYPE "$1") || status=$?
    ((status != 8)) || found=unknown
    [[ -n $found ]] || found=$(blkid -p -o value -s PTTYPE "$1") || true
    printf '%s' "$found"
}

format() { # DISK
    case $FILE_SYSTEM in
        ext4) need mkfs.ext4 e2fsprogs e2fsprogs; mkfs.ext4 -q -F -U "$UUID" "$1" ;;
        xfs) need mkfs.xfs xfsprogs xfsprogs; mkfs.xfs -q -f -m uuid="$UUID" "$1" ;;
        btrfs) need mkfs.btrfs btrfs-progs btrfs-progs; mkfs.btrfs -q -f -U "$UUID" "$1" ;;
        *) die "$FILE_SYSTEM is no file system that is made here" ;;
    esac
}

# In a container nothing tells systemd of devices, so that it leaves our lines of fstab alone.
mount_at_boot() {
    [[ -d /run/systemd/system ]] && systemd-detect-virt --container --quiet || return 0
    put 0755 /usr/local/sbin/skywright-volumes <<'SCRIPT'
#!/bin/bash
# Mounts the volumes that fstab names, by their UUIDs.
set -u
while read -r source place kind options _; do
    [[ $source == UUID=* && ,$options, == *,x-skywright.volume=* ]] || continue
    mountpoint -q "$place" && continue
    while IFS= read -r node; do
        [[ $(blkid -p -o value -s UUID "$node" 2>/dev/null) == "${source#UUID=}" ]] || continue
        mkdir -p "$place"
        mount -t "$kind" -o "$options" "$node" "$place" && break
    done < <(find /dev -type b)
done </etc/fstab
SCRIPT
    put 0644 /etc/systemd/system/skywright-volumes.service <<'UNIT'
[Unit]
Description=Skywright volumes of this host
Before=nfs-server.service nfs-ganesha.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/skywright-volumes

[Install]
WantedBy=multi-user.target
UNIT
    systemctl --quiet enable skywright-volumes.service
}

if mountpoint -q "$PLACE"; then
    # By an attempt before this one.
    grep -q -e " $PLACE [^ ]* [^ ]*${OPTION}[, ]" /etc/fstab || die "something else is mounted at $PLACE"
    disk=$(findmnt -n -o SOURCE --mountpoint "$PLACE")
    formatted=false
else
    [[ ! -d $PLACE || -z $(ls -A "$PLACE") ]] || die "$PLACE is not empty: what is in it would be hidden"
    disk=$(find_disk)
    formatted=false
    found=$(content "$disk")
    if [[ -z $found ]]; then
        [[ $FORMAT == yes ]] || die "the volume is empty, and is not to be formatted"
        format "$disk"
        formatted=true
    fi
    kind=$(blkid -p -o value -s TYPE "$disk") || die "on the volume is $found, which is no file system"
    mkdir -p "$PLACE"
    uuid=$(blkid -p -o value -s UUID "$disk")
    if ! message=$(mount -t "$kind" "$disk" "$PLACE" 2>&1); then
        # One that we were cut off from making is made again: nothing can be on it.
        [[ $uuid == "$UUID" && $FORMAT == yes ]] || die "${message##*$'\n'}"
        format "$disk"
        formatted=true
        mount -t "$kind" "$disk" "$PLACE"
    fi
    # Somebody has to be able to write to a new one, and that is whoever asks.
    ! $formatted || chown "${SUDO_UID:-0}:${SUDO_GID:-0}" "$PLACE"
    forget_mount "$OPTION"
    { cat /etc/fstab; printf 'UUID=%s %s %s defaults,nofail,%s 0 2\n' "$uuid" "$PLACE" "$kind" "$OPTION"; } |
        put 0644 /etc/fstab
    reload
    mount_at_boot
fi
printf '{"device":"%s","uuid":"%s","file_system":"%s","formatted":%s}\n' "$disk" \
    "$(blkid -p -o value -s UUID "$disk")" "$(blkid -p -o value -s TYPE "$disk")" "$formatted"
