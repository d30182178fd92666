readonly NAME=$1

rm -f "$KERNEL_EXPORTS/skywright-$NAME.exports" "$GANESHA_EXPORTS/$NAME.conf" "$PORTS/share-$NAME"
if has_kernel_server; then
    ! command -v exportfs >/dev/null || exportfs -ra
elif [[ -d $GANESHA_EXPORTS ]]; then
    serve_by_ganesha
fi
apply_ports
