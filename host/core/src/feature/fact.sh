# What a host is: lines `key=value`. Changes nothing.
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
(
    . /etc/os-release
    printf 'os.id=%s\nos.like=%s\nos.version=%s\nos.codename=%s\n' \
        "${ID:-}" "${ID_LIKE:-}" "${VERSION_ID:-}" "${VERSION_CODENAME:-}"
)
printf 'architecture=%s\nvcpus=%s\n' "$(uname -m)" "$(nproc)"
awk '/^MemTotal:/ { printf "memory.mib=%d\n", $2 / 1024 }' /proc/meminfo
gpus=0
for class in /sys/bus/pci/devices/*/class; do
    [ -r "$class" ] || continue
    read -r code <"$class"
    case $code in 0x0300* | 0x0302*) gpus=$((gpus + 1)) ;; esac
done
printf 'gpus=%s\n' "$gpus"
virtualization=$(systemd-detect-virt 2>/dev/null || :)
printf 'fact.virtualization=%s\n' "${virtualization:-none}"
if systemd-detect-virt -cq 2>/dev/null; then echo fact.clock=shared; else echo fact.clock=own; fi
printf 'fact.init=%s\n' "$(cat /proc/1/comm)"
kernel() { # NAME MODULE PATH
    if [ -e "$3" ] || modprobe -n "$2" >/dev/null 2>&1; then echo "fact.kernel.$1=yes"; else echo "fact.kernel.$1=no"; fi
}
kernel ipvs ip_vs /proc/net/ip_vs
kernel nfsd nfsd /proc/fs/nfsd
if grep -qw nfs4 /proc/filesystems || modprobe -n nfs >/dev/null 2>&1; then echo fact.kernel.nfs=yes; else echo fact.kernel.nfs=no; fi
