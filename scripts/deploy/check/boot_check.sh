# boot_check.sh ROUTER_PORT ENGINE_PORT: tries pd-router.service and its watch, within a system that systemd
# has booted. Prints what it has seen, a line for each step, and ends with 1 at the first that is amiss.
set -eu
port=$1
engine=$2

fail() {
  printf 'failed: %s\n' "$1"
  journalctl --no-pager --lines 25 --unit pd-router.service --output cat | sed 's/^/  /'
  exit 1
}

property() {
  systemctl show --property "$1" --value pd-router.service
}

# Waits until the router is ready, a minute at most.
ready() {
  tries=120
  until curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$port/ready" 2>/dev/null; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "$1: not ready"
    sleep 0.5
  done
}

/usr/local/bin/pd-router sim --role any --port "$engine" >/dev/null 2>&1 &

systemctl start pd-router.service || fail 'it does not start'
ready 'start'
pid=$(property MainPID)
[ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" != 0 ] || fail 'it runs as root'
capabilities=$(awk '/^CapEff:/ { print $2 }' "/proc/$pid/status")
[ "$capabilities" = 0000000000000000 ] || fail "it has capabilities: $capabilities"
[ "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")" = 2 ] || fail 'no filter of system calls'
files=$(awk '/^Max open files/ { print $4 }' "/proc/$pid/limits")
# A machine may have fewer to give.
most=$(awk '/^Max open files/ { print $5 }' /proc/1/limits)
[ "$files" = 65536 ] || [ "$files" = "$most" ] || fail "open files: $files of $most"
answer=$(curl -fsS -m 20 -H 'content-type: application/json' \
  -d '{"model": "sim-model", "prompt": "The river", "max_tokens": 4}' \
  "http://127.0.0.1:$port/v1/completions") || fail 'it does not answer'
case $answer in
  *'"choices"'*) ;;
  *) fail "it answers $answer" ;;
esac
echo "ok: it serves as a user of its own, without capabilities, $files descriptors"

systemctl reload pd-router.service || fail 'it cannot be reloaded'
ready 'reload'
[ "$(property MainPID)" = "$pid" ] || fail 'a reload has started it anew'
echo 'ok: it reads its configuration again'

kill -KILL "$pid"
tries=100
until [ "$(property NRestarts)" = 1 ]; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail 'it is not started again'
  sleep 0.1
done
ready 'restart'
pid=$(property MainPID)
echo 'ok: it is started again when it dies'

kill -STOP "$pid"
systemctl start pd-router-watch.service || fail 'the watch fails'
ready 'watch'
[ "$(property MainPID)" != "$pid" ] || fail 'the watch has left a router that does not answer'
systemctl start pd-router-watch.service || fail 'the watch fails'
pid=$(property MainPID)
systemctl start pd-router-watch.service || fail 'the watch fails'
[ "$(property MainPID)" = "$pid" ] || fail 'the watch has restarted a router that is well'
echo 'ok: the watch restarts it when it does not answer, and only then'

systemctl stop pd-router.service || fail 'it cannot be stopped'
result=$(property Result)
[ "$result" = success ] || fail "it is stopped with $result"
echo 'ok: it stops when it is told to'

echo 'prot: 1' >>/etc/pd-router/pd.yaml
systemctl start pd-router.service
tries=100
until [ "$(property ActiveState)" = failed ]; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "with a bad configuration it is $(property ActiveState)"
  sleep 0.1
done
[ "$(property ExecMainStatus)" = 2 ] || fail "it ends with $(property ExecMainStatus)"
echo 'ok: with a configuration that cannot be used it is not started again'
