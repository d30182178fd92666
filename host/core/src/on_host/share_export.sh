readonly NAME=$1 PLACE=$2 ACCESS=$3 RANGES=$4

if [[ ! -d $PLACE ]]; then
    mkdir -p "$PLACE"
    # Root of other hosts is nobody here, so that somebody else has to own it: whoever asks.
    chown "${SUDO_UID:-0}:${SUDO_GID:-0}" "$PLACE"
fi
if has_kernel_server; then
    export_by_kernel
else
    export_by_ganesha
fi
open_port
printf '{"server":"%s"}\n' "$(server)"
