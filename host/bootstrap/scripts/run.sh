set -Eeuo pipefail
umask 022
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

readonly STATE=/var/lib/skywright
readonly LOG=/var/log/skywright/bootstrap.log
CHANGED=false

# Whether systemd runs here. It does not in a root file system that is only being prepared.
live() { [[ -d /run/systemd/system ]]; }

# The subshell keeps the console from becoming this process's controlling terminal. Where there is no console,
# writing to it would make a file.
to_console() {
    if [[ ! -c /dev/console ]] || ! (printf '%s\n' "$1" >/dev/console) 2>/dev/null; then
        printf '%s\n' "$1" >&3 || true
    fi
}

say() {
    printf '%s %s\n' "$(date -u +%FT%TZ)" "$1"
    to_console "skywright: $1"
}

json() {
    if [[ -z $1 ]]; then
        printf null
    else
        printf '"%s"' "$(printf '%.1000s' "$1" | tr '\n\t' '  ' | tr -cd '\040-\176' | sed 's/[\\"]/\\&/g')"
    fi
}

status() { # STATE LINE COMMAND MESSAGE
    printf '{"state":"%s","line":%s,"command":%s,"message":%s}\n' "$1" "${2:-null}" "$(json "$3")" "$(json "$4")" \
        >"$STATE/bootstrap.json.new"
    mv -f "$STATE/bootstrap.json.new" "$STATE/bootstrap.json"
}

fail() { # EXIT LINE COMMAND [MESSAGE]
    # What fails in a subshell fails the command that started it, and that one is told.
    ((BASH_SUBSHELL == 0)) || exit "$1"
    trap - ERR
    local message=${4:-$(tail -n 1 "$LOG")}
    status failed "$2" "$3" "$message" || true
    say "failed in line $2: $3: $message"
    exit "$1"
}

die() { fail 1 "${BASH_LINENO[0]}" "${FUNCNAME[1]}" "$1"; }

# Writes standard input to a file that lacks it. CHANGED says whether it did.
put() { # MODE PATH
    local mode=$1 path=$2 text
    text=$(cat)
    CHANGED=false
    [[ -f $path && $(<"$path") == "$text" ]] && return
    mkdir -p "${path%/*}"
    printf '%s\n' "$text" >"$path.skywright-new"
    chmod "$mode" "$path.skywright-new"
    mv -f "$path.skywright-new" "$path"
    label "$path"
    CHANGED=true
    printf 'wrote %s\n' "$path"
}

# The security label that SELinux wants for a path.
label() { ! command -v restorecon >/dev/null || restorecon -RF "$1"; }

begin() {
    ((EUID == 0)) || { echo "the bootstrap has to run as root" >&2; exit 1; }
    mkdir -p "$STATE" "${LOG%/*}" /etc/skywright
    exec 9>"$STATE/lock"
    flock 9
    exec 3>&1 >>"$LOG" 2>&1
    trap 'fail $? "$LINENO" "$BASH_COMMAND"' ERR
    status running '' '' ''
    say "bootstrap of $HOST_NAME as $ROLE"
}

# A start that is cut off goes on at the next one.
resume_at_boot() {
    local self=${BASH_SOURCE[0]:-}
    if [[ -f $self && ! $self -ef $STATE/bootstrap.sh ]]; then
        put 0700 "$STATE/bootstrap.sh" <"$self"
    fi
    [[ -f $STATE/bootstrap.sh ]] || return 0
    put 0644 /etc/systemd/system/skywright-bootstrap.service <<'UNIT'
@BOOTSTRAP_UNIT@
UNIT
    enable skywright-bootstrap.service
}

enable() { # UNIT
    [[ $(systemctl is-enabled "$1" 2>/dev/null) == enabled ]] || systemctl --quiet enable "$1"
}

# Has a unit run from now on, with a configuration that may just have changed.
run_unit() { # UNIT
    enable "$1"
    live || return 0
    if $CHANGED; then systemctl restart "$1"; else systemctl start "$1"; fi
}

unit_exists() { [[ -e /usr/lib/systemd/system/$1 || -e /lib/systemd/system/$1 ]]; }
