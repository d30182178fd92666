# Makes a host's image of a fresh Debian root, $1. What differs between hosts is not in it.
set -eu
root=$1

rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/resolv.conf" "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"
rm -rf "$root/var/lib/apt/lists" "$root"/var/cache/apt/*.bin "$root"/var/log/*.log "$root/var/log/apt"
mkdir -p "$root/var/lib/apt/lists/partial"

chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 "$LOGIN_USER"
mkdir -p "$root/etc/sudoers.d"
echo "$LOGIN_USER ALL=(ALL) NOPASSWD:ALL" > "$root/etc/sudoers.d/90-login-user"
chmod 0440 "$root/etc/sudoers.d/90-login-user"

cat > "$root/etc/ssh/sshd_config.d/10-image.conf" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
UseDNS no
END

# A host has no console to log in at, no clock and no firmware of its own, and starts when it is told to.
for unit in console-getty.service getty.target getty-static.service e2scrub_reap.service \
    e2scrub_all.timer fstrim.timer apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    systemd-pstore.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    dev-hugepages.mount systemd-remount-fs.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/etc/systemd/system-generators"
for generator in cryptsetup debug getty gpt-auto hibernate-resume integritysetup system-update veritysetup; do
    ln -sf /dev/null "$root/etc/systemd/system-generators/systemd-$generator-generator"
done
# It starts when somebody asks for it; nobody sits at a host.
rm -f "$root/lib/systemd/system/multi-user.target.wants/systemd-logind.service"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nRuntimeMaxUse=8M\nSystemMaxUse=64M\n' > "$root/etc/systemd/journald.conf.d/10-image.conf"

# systemd leaves devices in fstab alone in a container, as nothing announces them there.
cat > "$root/etc/systemd/system/mount-volumes.service" <<'END'
[Unit]
Description=Mount the volumes of fstab
DefaultDependencies=no
After=systemd-remount-fs.service
Before=local-fs.target
ConditionPathExists=/etc/fstab

[Service]
Type=oneshot
ExecStart=-/bin/mount --all --types nonfs,nonfs4,nocifs

[Install]
WantedBy=local-fs.target
END

mkdir -p "$root/usr/lib/user-data"
cat > "$root/usr/lib/user-data/run" <<'END'
#!/bin/sh
# Runs the user-data of the NoCloud seed once. One that was cut off runs again: it has to bear that.
seed=/var/lib/cloud/seed/nocloud/user-data
log=/var/log/cloud-init-output.log
mkdir -p /var/lib/cloud/instance /var/lib/cloud/data
status=0
if [ -s "$seed" ]; then
    cp "$seed" /var/lib/cloud/instance/user-data
    chmod 0700 /var/lib/cloud/instance/user-data
    ( umask 077; : >> "$log" )
    /var/lib/cloud/instance/user-data >> "$log" 2>&1
    status=$?
fi
if [ "$status" = 0 ]; then errors=; else errors="\"user-data ended with $status\""; fi
printf '{"v1": {"datasource": "NoCloud", "errors": [%s]}}\n' "$errors" > /var/lib/cloud/data/result.json
date -u +%FT%TZ > /var/lib/cloud/instance/boot-finished
[ "$status" = 0 ] || { echo "user-data ended with $status:"; tail -n 20 "$log"; }
exit "$status"
END
chmod 0755 "$root/usr/lib/user-data/run"
cat > "$root/etc/systemd/system/user-data.service" <<'END'
[Unit]
Description=Run the user-data of this host
ConditionPathExists=!/var/lib/cloud/instance/boot-finished
After=network.target ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/user-data/run
StandardOutput=journal+console
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
END
for unit in mount-volumes user-data; do
    target=$(sed -n 's/^WantedBy=//p' "$root/etc/systemd/system/$unit.service")
    mkdir -p "$root/etc/systemd/system/$target.wants"
    ln -sf "/etc/systemd/system/$unit.service" "$root/etc/systemd/system/$target.wants/$unit.service"
done

# Nothing changed since: what systemd does after an update of the image is not done at every first start.
touch "$root/etc/.updated" "$root/var/.updated"
