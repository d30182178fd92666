printf 'skywright %s %s %s\n' "$outcome" "$code" "$changed" >"$dir/result.new"
mv -f "$dir/result.new" "$dir/result"
finish
