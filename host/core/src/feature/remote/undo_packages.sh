kept=/var/lib/skywright/features/$SKYWRIGHT_RUN/$SKYWRIGHT_OF
if [ ! -e "$kept/first" ]; then
    changed=no
else
    exec 8>"$top/packages.lock"
    flock 8
    if command -v apt-get >/dev/null; then
        all() { dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^installed //p' | sort; }
        install() {
            apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@" || return
            # What was there for others alone is so again.
            for package; do
                package=${package%":$(dpkg --print-architecture)"}
                ! grep -qxF "$package" "$kept/automatic" || apt-mark auto "$package"
            done
        }
        remove() { apt-get -q -y -o DPkg::Lock::Timeout=300 purge "$@"; }
        # What a cut-off left half done.
        dpkg --configure -a </dev/null >>"$log" 2>&1 8>&- 9>&- || :
    else
        all() { rpm -qa --qf '%{NAME}\n' | sort; }
        install() { dnf -y --setopt=install_weak_deps=False install "$@"; }
        remove() { dnf -y remove "$@"; }
    fi
    new=$(all | comm -13 "$kept/packages" -)
    gone=$(all | comm -23 "$kept/packages" -)
    # shellcheck disable=SC2086
    [ -z "$new" ] || remove $new </dev/null >>"$log" 2>&1 8>&- 9>&- || code=$?
    # shellcheck disable=SC2086
    [ -z "$gone" ] || install $gone </dev/null >>"$log" 2>&1 8>&- 9>&- || code=$?
    while IFS= read -r file; do
        [ -n "$file" ] || continue
        key=$(printf '%s' "$file" | tr / _)
        if [ -e "$kept/$key" ]; then cp -a "$kept/$key" "$file"; else rm -f "$file"; fi
    done <<FILES
$(sort -u "$kept/files" 2>/dev/null)
FILES
    exec 8>&-
fi
