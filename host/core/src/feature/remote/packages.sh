changed=no refresh=no install='' remove=''
exec 8>"$top/packages.lock"
flock 8

quietly() { "$@" </dev/null >>"$log" 2>&1 8>&- 9>&-; }

if command -v apt-get >/dev/null; then
    manager=apt
    apt() {
        quietly apt-get -q -y --no-install-recommends --allow-downgrades --allow-change-held-packages \
            -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
    }
    version_of() { dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'; }
    leftover() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx config-files; }
    all() { dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^installed //p' | sort; }
    exact() { echo "$1${2:+=$2}"; }
    refresh() { apt update; }
    install() { apt install "$@"; }
    # Also what others only suggest or recommend.
    unused() {
        apt-get -s -o APT::AutoRemove::SuggestsImportant=false -o APT::AutoRemove::RecommendsImportant=false \
            autoremove 2>/dev/null | sed -n 's/^Remv \([^ ]*\).*/\1/p' | sort
    }
    # What only they needed goes with them; what nobody needed before stays.
    remove() {
        unused >"$dir/unused"
        apt purge "$@" || return
        orphans=$(unused | comm -13 "$dir/unused" -)
        # shellcheck disable=SC2086
        [ -z "$orphans" ] || apt purge $orphans
    }
elif command -v dnf >/dev/null; then
    manager=dnf
    version_of() { rpm -q --qf '%{VERSION}-%{RELEASE}\n' "$1" 2>/dev/null | grep -v 'is not installed'; }
    leftover() { false; }
    all() { rpm -qa --qf '%{NAME}\n' | sort; }
    exact() { echo "$1${2:+-$2}"; }
    refresh() { quietly dnf -y makecache; }
    install() { quietly dnf -y --setopt=install_weak_deps=False install "$@"; }
    remove() { quietly dnf -y remove "$@"; }
else
    manager=none
    echo 'neither apt-get nor dnf is here' >>"$log"
    code=1
fi

if [ "$manager" != none ] && keep_first; then
    all >"$kept/packages"
    [ "$manager" != apt ] || apt-mark showauto | sort >"$kept/automatic"
    : >"$kept/first"
fi
while read -r word name value; do
    [ "$manager" != none ] || break
    case $word in
        "$manager-file")
            printf '%s' "$value" | base64 -d >"$dir/content"
            key=$(printf '%s' "$name" | tr / _)
            if [ -f "$name" ] && [ ! -e "$kept/$key" ]; then cp -a "$name" "$kept/$key"; fi
            echo "$name" >>"$kept/files"
            (umask 022; mkdir -p "$(dirname "$name")")
            if write_file "$name" "$dir/content" 644 root root 2>>"$log"; then changed=yes refresh=yes; fi
            ;;
        "$manager-gone")
            if [ -f "$name" ]; then
                key=$(printf '%s' "$name" | tr / _)
                [ -e "$kept/$key" ] || cp -a "$name" "$kept/$key"
                echo "$name" >>"$kept/files"
                rm -f "$name"
                changed=yes refresh=yes
            fi
            ;;
        install)
            has=$(version_of "$name")
            # The version may be a pattern.
            # shellcheck disable=SC2254
            case $has in
                '') install="$install $(exact "$name" "$value")" ;;
                ${value:-*} | ${value:-*}-*) ;;
                *) install="$install $(exact "$name" "$value")" ;;
            esac
            ;;
        remove)
            if [ -n "$(version_of "$name")" ] || leftover "$name"; then remove="$remove $name"; fi
            ;;
    esac
done
set -f
# shellcheck disable=SC2086
if [ "$code" = 0 ] && [ "$refresh" = yes ]; then refresh || code=$?; fi
# shellcheck disable=SC2086
if [ "$code" = 0 ] && [ -n "$remove" ]; then
    changed=yes
    remove $remove || code=$?
fi
# shellcheck disable=SC2086
if [ "$code" = 0 ] && [ -n "$install" ]; then
    changed=yes
    # The lists may be of yesterday, or none.
    install $install || { refresh && install $install; } || code=$?
fi
set +f
exec 8>&-
