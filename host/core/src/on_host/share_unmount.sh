readonly NAME=$1 PLACE=$2

unmount "$PLACE"
forget_mount "x-skywright.share=$NAME"
rmdir "$PLACE" 2>/dev/null || true
