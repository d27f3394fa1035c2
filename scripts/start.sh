#!/bin/sh
# `deno task start`, `sim` and `demo`: the program of this checkout, with as few permissions as it
# needs. Arguments: those of pd-router.

set -f
root=$(cd "${0%/*}/.." && pwd)

. "$root/scripts/compile/launch.sh"

# The Deno that runs the task, or else the one in PATH.
find_deno() {
  deno=$(readlink "/proc/$PPID/exe" 2>/dev/null)
  case ${deno##*/} in
    deno) [ -x "$deno" ] && return ;;
  esac
  deno=$(command -v deno) && return
  printf 'pd-router: deno is not in PATH\n' >&2
  exit 1
}

# Runs the program to its end.
program() {
  "$deno" run $fixed "$allow_net" "$allow_read" main.ts "$@"
}

fixed='--frozen --no-prompt --allow-env=PD_ROUTER_*,VLLM_API_KEY,VLLM_FEATURE_GATES,OPENAI_API_KEY,ANTHROPIC_API_KEY,OTEL_*,KUBERNETES_SERVICE_HOST,KUBERNETES_SERVICE_PORT --ignore-env'
fixed="$fixed --allow-sys=systemMemoryInfo"
cd "$root" || exit 1
find_deno
take_descriptors
bound_memory
let_read_named "$@"
case "${1-} ${PD_ROUTER_NIXL_PROXY_SOCKET-} $*" in
  'sim '* | 'demo '* | *zeromq*) addon=yes ;;
esac
# The addon's loader looks for its file, and whether this is Alpine Linux.
[ -z "$addon" ] || { let_read node_modules && let_read /etc/alpine-release; }
let_run "$deno" run $fixed "$allow_net" "$allow_read" ${allow_write:+"$allow_write"} \
  ${addon:+--allow-ffi=node_modules} main.ts
become "$deno" run $fixed "$allow_net" "$allow_read" ${allow_write:+"$allow_write"} \
  ${allow_run:+"$allow_run"} ${addon:+--allow-ffi=node_modules} main.ts "$@"
