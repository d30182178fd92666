set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

readonly BUSY=16
# shellcheck disable=SC2034  # not every script has a use for it
readonly UNSUPPORTED=17

# What the last line on standard error says is what people are told.
die() { # MESSAGE [STATUS]
    printf '%s\n' "$1" >&2
    exit "${2:-1}"
}

# Installs a package where a command is missing. Two families of systems call it differently.
need() { # COMMAND DEBIAN-PACKAGE RHEL-PACKAGE
    ! command -v "$1" >/dev/null || return 0
    if command -v apt-get >/dev/null; then
        export DEBIAN_FRONTEND=noninteractive
        { apt-get -q -o DPkg::Lock::Timeout=120 update &&
            apt-get -qy -o DPkg::Lock::Timeout=120 install --no-install-recommends "$2"; } >&2 ||
            die "the package $2 cannot be installed"
    else
        dnf -qy install "$3" >&2 || die "the package $3 cannot be installed"
    fi
}

# Writes standard input to a file, in one moment.
put() { # MODE PATH
    mkdir -p "${2%/*}"
    cat >"$2.skywright-new"
    chmod "$1" "$2.skywright-new"
    mv -f "$2.skywright-new" "$2"
    ! command -v restorecon >/dev/null || restorecon -F "$2"
}

# Who keeps a place busy, as far as that is told.
users_of() { # PATH
    local process place found=''
    for process in /proc/[0-9]*; do
        for place in "$process/cwd" "$process/root" "$process"/fd/*; do
            if [[ $(readlink "$place" 2>/dev/null) == "$1"@(|/*) ]]; then
                found+="${found:+, }$(<"$process/comm") (${process#/proc/})"
                break
            fi
        done
    done 2>/dev/null
    printf '%s' "${found:-something}"
}

# Takes a line of ours out of fstab. The option tells it from others.
forget_mount() { # OPTION
    grep -q -e "[ ,]${1//./\\.}[ ,]" /etc/fstab || return 0
    grep -v -e "[ ,]${1//./\\.}[ ,]" /etc/fstab | put 0644 /etc/fstab || true
    reload
}

reload() { [[ ! -d /run/systemd/system ]] || systemctl daemon-reload; }

unmount() { # PATH
    mountpoint -q "$1" || return 0
    local message
    message=$(umount "$1" 2>&1) && return
    [[ $message != *busy* ]] || die "$(users_of "$1")" "$BUSY"
    die "${message##*$'\n'}"
}
