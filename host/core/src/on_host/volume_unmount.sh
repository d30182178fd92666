readonly NAME=$1 PLACE=$2

unmount "$PLACE"
forget_mount "x-skywright.volume=$NAME"
# Only if it is empty, and then it is of no use.
rmdir "$PLACE" 2>/dev/null || true
