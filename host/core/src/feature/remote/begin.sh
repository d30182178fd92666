# What every step begins with. The values come by the environment, texts by the standard input.
set -u
umask 077
export LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /
top=/run/skywright-features
dir=$top/$SKYWRIGHT_RUN/$SKYWRIGHT_STEP
kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_STEP
mkdir -p "$dir" && chmod 0711 "$top" "$top/$SKYWRIGHT_RUN" || exit 70
log=$dir/log
outcome=succeeded code=0 changed=yes

finish() {
    cat "$dir/result"
    if [ "$code" = 0 ]; then
        [ ! -f "$dir/output" ] || cat "$dir/output"
    else
        tail -c 4096 "$log" >&2
    fi
    exit 0
}

# Whoever was cut off may have left this very step at work: it is waited for, and what came of it is taken.
exec 9>"$dir/lock"
flock 9
if [ -s "$dir/result" ]; then
    read -r _ outcome code changed <"$dir/result"
    [ "$code" != 0 ] || finish
    outcome=succeeded code=0 changed=yes
fi
rm -f "$dir/output"
: >"$log"

# What is kept for taking it back is that from before the first attempt.
keep_first() {
    [ ! -e "$kept/first" ] || return 1
    mkdir -p "$kept"
}

write_file() { # PATH CONTENT MODE OWNER GROUP: says whether it changed anything
    if [ -f "$1" ] && [ ! -L "$1" ] && cmp -s "$2" "$1" &&
        [ "$(stat -c '%a %U %G' "$1")" = "$3 $4 $5" ]; then
        return 1
    fi
    cp -- "$2" "$1.skywright-new" && chown "$4:$5" "$1.skywright-new" && chmod "$3" "$1.skywright-new" &&
        mv -fT -- "$1.skywright-new" "$1" || {
        code=$?
        rm -f -- "$1.skywright-new"
        return 0
    }
    ! command -v restorecon >/dev/null || restorecon "$1" || :
    return 0
}
