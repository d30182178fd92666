OS=
FAMILY=

detect_system() {
    local id='' version='' like='' major least
    [[ -r /etc/os-release ]] || die "there is no /etc/os-release: the operating system is not known"
    # shellcheck source=/dev/null
    IFS='|' read -r id version like < <(. /etc/os-release && printf '%s|%s|%s\n' "${ID:-}" "${VERSION_ID:-}" "${ID_LIKE:-}")
    OS="$id${version:+ $version}"
    case "$id" in
        debian) FAMILY=debian least=11 ;;
        ubuntu) FAMILY=debian least=22 ;;
        fedora) FAMILY=rhel least=38 ;;
        amzn) FAMILY=rhel least=2023 ;;
        *)
            case " $id $like " in
                *' rhel '* | *' centos '*) FAMILY=rhel least=9 ;;
                *) die "$OS is not supported: it has to be Debian, Ubuntu or of the family of Red Hat Enterprise Linux" ;;
            esac
            ;;
    esac
    major=${version%%.*}
    # Debian's next release has no number yet.
    if [[ $major =~ ^[0-9]+$ ]] && ((major < least)); then
        die "$OS is not supported: it has to be $least or newer"
    fi
    say "$OS, of the family of $FAMILY"
}

install_package() { # PACKAGE
    case $FAMILY in
        debian)
            apt-get -q -o DPkg::Lock::Timeout=120 update &&
                apt-get -qy -o DPkg::Lock::Timeout=120 install --no-install-recommends "$1"
            ;;
        rhel) dnf -qy install "$1" ;;
    esac
}

# Installs a package if the image lacks a command. A gateway that comes up at the same time may not
# lead out yet, so that it is tried for some minutes.
need() { # COMMAND PACKAGE
    ! command -v "$1" >/dev/null || return 0
    say "note: the image has no $1, so the package $2 is installed"
    local attempt
    for attempt in {1..20}; do
        if timeout 600 bash -c "$(declare -f install_package); FAMILY=$FAMILY; install_package \"\$1\"" - "$2" 9>&-; then
            return
        fi
        printf 'attempt %s failed\n' "$attempt"
        sleep 15
    done
    die "the package $2 cannot be installed, and the image has no $1"
}
