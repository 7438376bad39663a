# Runs "$@" and ends it when nobody holds the other end of our standard input any more.
#
# Standard input is the life line: a pipe whose write end only our parent has, so the kernel closes
# it however the parent ends. Standard output carries one line, the process id of "$@", whose own
# output goes to our standard error.
exec 3<&0 </dev/null
{ exec "$@" >&2 3<&-; } &
child=$!

{
    exec >/dev/null 2>&1
    read -r _ <&3
    kill -TERM "$child"
    # Short naps, so that none is left asleep for long when the child obeys and we are ended.
    naps=0
    while [ "$naps" -lt 50 ]; do
        sleep 0.1
        naps=$((naps + 1))
    done
    # Everything in our process group, ourselves included.
    kill -KILL 0
} &
watcher=$!

echo "$child"
exec >&-
wait "$child"
status=$?
kill -KILL "$watcher"
exit "$status"
