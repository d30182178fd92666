readonly KERNEL_EXPORTS=/etc/exports.d GANESHA_EXPORTS=/etc/ganesha/skywright.d PORTS=/etc/skywright/ports.d

# The kernel's server serves all of the machine that containers share: they get one of their own.
has_kernel_server() {
    ! systemd-detect-virt --container --quiet || return 1
    { modprobe -q nfsd || true; } 2>/dev/null
    grep -qw nfsd /proc/filesystems
}

server() { if has_kernel_server; then printf kernel; else printf ganesha; fi; }

export_by_kernel() {
    local range line=$PLACE
    need exportfs nfs-kernel-server nfs-utils
    for range in $RANGES; do line+=" $range($ACCESS,sync,root_squash,no_subtree_check,sec=sys)"; done
    put 0644 "$KERNEL_EXPORTS/skywright-$NAME.exports" <<<"$line"
    systemctl --quiet enable --now nfs-server.service
    exportfs -ra
}

export_by_ganesha() {
    local number=1 file kind=$ACCESS
    # Its file handles are those of the file system, and an overlay has none.
    [[ $(findmnt -n -o FSTYPE --target "$PLACE") != overlay ]] ||
        die "$PLACE is on an overlay, from which nothing can be exported: /srv is not, nor is a volume"
    need ganesha.nfsd nfs-ganesha nfs-ganesha
    [[ -e /usr/lib/ganesha/libfsalvfs.so || -e /usr/lib64/ganesha/libfsalvfs.so ]] ||
        compgen -G '/usr/lib/*/ganesha/libfsalvfs.so' >/dev/null || install_vfs
    file=$GANESHA_EXPORTS/$NAME.conf
    if [[ -f $file ]]; then
        number=$(sed -n 's/.*Export_Id = \([0-9]*\);.*/\1/p' "$file")
    else
        while grep -qs "Export_Id = $number;" "$GANESHA_EXPORTS"/*.conf; do number=$((number + 1)); done
    fi
    put 0644 "$file" <<CONF
EXPORT {
    Export_Id = $number;
    Path = $PLACE;
    Pseudo = $PLACE;
    Access_Type = None;
    Squash = Root_Squash;
    SecType = sys;
    FSAL { Name = VFS; }
    CLIENT { Clients = ${RANGES// /, }; Access_Type = ${kind^^}; }
}
CONF
    serve_by_ganesha
}

install_vfs() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qy -o DPkg::Lock::Timeout=120 install --no-install-recommends nfs-ganesha-vfs >&2 ||
        die "the package nfs-ganesha-vfs cannot be installed"
}

# One file of all exports: its includes take no patterns.
serve_by_ganesha() {
    # Containers may not do what newer ones ask of the kernel; older ones do not know how to go without.
    local container="" version
    version=$(dpkg-query -W -f '${Version}' nfs-ganesha 2>/dev/null || echo 0)
    ! dpkg --compare-versions "$version" ge 6 || container=" allow_set_io_flusher_fail = true;"
    {
        echo '# Written by Skywright from skywright.d: what is changed here is lost.'
        echo "NFS_CORE_PARAM { Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false;$container }"
        # Without clients that had locks before there is nothing to wait for.
        echo 'NFSv4 { Graceless = true; }'
        cat "$GANESHA_EXPORTS"/*.conf 2>/dev/null || true
    } | put 0644 /etc/ganesha/ganesha.conf
    if compgen -G "$GANESHA_EXPORTS/*.conf" >/dev/null; then
        systemctl --quiet enable nfs-ganesha.service
        systemctl restart nfs-ganesha.service || die "nfs-ganesha does not start"
        # It answers some time after it says that it runs.
        local attempt
        for attempt in {1..100}; do
            ! (exec 3<>/dev/tcp/127.0.0.1/2049) 2>/dev/null || return 0
            sleep 0.2
        done
        die "nfs-ganesha does not answer: attempt $attempt"
    else
        systemctl --quiet disable --now nfs-ganesha.service
    fi
}

open_port() {
    [[ -x /usr/local/sbin/skywright-firewall ]] || return 0
    put 0644 "$PORTS/share-$NAME" <<<'tcp 2049 inside'
    apply_ports
}

apply_ports() { [[ ! -x /usr/local/sbin/skywright-firewall ]] || /usr/local/sbin/skywright-firewall apply >&2; }
