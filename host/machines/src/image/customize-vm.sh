# Makes a virtual machine's image of a fresh Debian root, $1. What differs between machines is not in it.
set -eu
root=$1

rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"
rm -rf "$root/var/lib/apt/lists" "$root"/var/cache/apt/*.bin "$root"/var/log/*.log "$root/var/log/apt"
mkdir -p "$root/var/lib/apt/lists/partial"

cat > "$root/etc/ssh/sshd_config.d/10-image.conf" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
UseDNS no
END
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nRuntimeMaxUse=8M\nSystemMaxUse=64M\n' > "$root/etc/systemd/journald.conf.d/10-image.conf"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
for unit in e2scrub_reap.service e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# No partitions and no boot loader: the kernel is given to the machine from outside, so that it stays as it is.
echo '/dev/vda / ext4 defaults,discard,errors=remount-ro 0 1' > "$root/etc/fstab"
chroot "$root" apt-mark hold "$KERNEL" > /dev/null

# cloud-init writes units of networkd, whose name servers resolved tells the rest.
chroot "$root" systemctl --quiet enable systemd-networkd.service systemd-resolved.service
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
cat > "$root/etc/cloud/cloud.cfg.d/90-image.cfg" <<'END'
datasource_list: [NoCloud, None]
system_info:
  network: {renderers: [networkd]}
apt: {preserve_sources_list: true}
growpart: {mode: "off"}
manage_etc_hosts: true
locale: false
END

kernel=$(find "$root/boot" -name 'vmlinuz-*')
initrd=$(find "$root/boot" -name 'initrd.img-*')
[ -f "$kernel" ] && [ -f "$initrd" ]
cp "$kernel" "$root/../vmlinuz"
cp "$initrd" "$root/../initrd.img"
rm -rf "$root/boot" && mkdir "$root/boot"
