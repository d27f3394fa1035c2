# What a start is given, as little as can be told beforehand: files, descriptors, signals. Part of the
# self-extracting file, and of ../start.sh, which define `program`: it runs the router with
# "$allow_read", "$allow_net" and its arguments, and comes back.

# Flags that name files, each with its variable.
file_flags='config=PD_ROUTER_CONFIG api-keys-file=PD_ROUTER_API_KEYS_FILE tls-ca=PD_ROUTER_TLS_CA'
file_flags="$file_flags admin-api-keys-file=PD_ROUTER_ADMIN_API_KEYS_FILE"
file_flags="$file_flags tls-cert=PD_ROUTER_TLS_CERT tls-key=PD_ROUTER_TLS_KEY"
file_flags="$file_flags tls-client-ca=PD_ROUTER_TLS_CLIENT_CA"
file_flags="$file_flags engine-tls-cert=PD_ROUTER_ENGINE_TLS_CERT"
file_flags="$file_flags engine-tls-key=PD_ROUTER_ENGINE_TLS_KEY"
file_flags="$file_flags dynamic-config-yaml=PD_ROUTER_DYNAMIC_CONFIG_YAML"
file_flags="$file_flags dynamic-config-json=PD_ROUTER_DYNAMIC_CONFIG_JSON"
file_flags="$file_flags external-providers-config=PD_ROUTER_EXTERNAL_PROVIDERS_CONFIG"
file_flags="$file_flags k8s-token-file=PD_ROUTER_K8S_TOKEN_FILE k8s-ca-file=PD_ROUTER_K8S_CA_FILE"

# Flags that name modules, FILE:NAME, which may import others of their folder.
module_flags='callbacks=PD_ROUTER_CALLBACKS request-rewriter=PD_ROUTER_REQUEST_REWRITER'

# Set when the native ZeroMQ addon is asked for.
addon=

# Descriptors are held back by opening the null device.
allow_read=--allow-read=/dev/null
allow_net=--allow-net${PD_ROUTER_ALLOW_NET:+=$PD_ROUTER_ALLOW_NET}

# Set where files are written.
allow_write=

# Set when several processes are asked for.
allow_run=

# Lets the file "$1" be read. Deno cannot name a path with a comma: all files may be read then.
let_read() {
  case $1 in
    '' | -) ;;
    *,*) allow_read=--allow-read ;;
    *) [ "$allow_read" = --allow-read ] || allow_read=$allow_read,$1 ;;
  esac
}

# Lets the file "$2" be read if the flag "$1" names a file; those of explain and engines have no
# variable.
let_read_of() {
  case " $file_flags request= file=" in
    *" $1="*) let_read "$2" ;;
  esac
  case " $module_flags" in
    *" $1="*) let_read_folder "${2%:*}" ;;
  esac
  [ "$1" != config ] || config=$2
}

# Lets the folder of the file "$1" be read.
let_read_folder() {
  case $1 in
    '' | noop) ;;
    */*) let_read "${1%/*}/" ;;
    *) let_read . ;;
  esac
}

# Lets the files be read that are named by the environment, the arguments and the configuration file,
# in that order: what comes later names the configuration file that counts.
let_read_named() {
  config=
  for pair in $file_flags $module_flags; do
    eval "let_read_of \"\${pair%%=*}\" \"\${${pair#*=}-}\""
  done
  flag=
  for argument; do
    if [ -n "$flag" ]; then
      let_read_of "$flag" "$argument"
      flag=
      continue
    fi
    case $argument in
      --*=*)
        name=${argument%%=*}
        let_read_of "${name#--}" "${argument#*=}"
        ;;
      --*)
        case " $file_flags $module_flags request= file=" in
          *" ${argument#--}="*) flag=${argument#--} ;;
        esac
        ;;
    esac
  done
  case " ${PD_ROUTER_SERVICE_DISCOVERY-} $*" in
    *' k8s'* | *=k8s*) let_read /var/run/secrets/kubernetes.io/serviceaccount ;;
  esac
  looks_up "$@" && let_read /etc/resolv.conf
  [ -f "$config" ] && is_telling "$config" && let_by --config "$config"
  writes_files "$@" && let_by "$@"
  starts_workers "$@" && allow_run=yes
  return 0
}

# Whether a start with these arguments is one of several processes, as far as the configuration file
# does not say so.
starts_workers() {
  case ${1-} in
    '' | -*) ;;
    *) return 1 ;; # another command
  esac
  [ -z "${PD_ROUTER_WORKERS-}" ] || return 0
  for argument; do
    case $argument in
      --workers | --workers=*) return 0 ;;
    esac
  done
  return 1
}

# Lets the program start others like it where it has to: "$@" is how it is started, but for its own
# arguments.
let_run() {
  [ -n "$allow_run" ] || return 0
  PD_ROUTER_WORKER_COMMAND=$(printf '%s\n' "$@")
  export PD_ROUTER_WORKER_COMMAND
  case $1 in
    *,*) allow_run=--allow-run ;;
    *) allow_run=--allow-run=$1 ;;
  esac
}

# Whether a start with these arguments finds engines by DNS, as far as the configuration file does not
# say so.
looks_up() {
  case " ${PD_ROUTER_SERVICE_DISCOVERY-} ${PD_ROUTER_DNS_NAME+--dns-name} $*" in
    *' dns'* | *=dns* | *' --dns-name'*) return 0 ;;
  esac
  return 1
}

# Whether a start with these arguments may be one that writes files.
writes_files() {
  case ${1-} in
    '' | -*) ;;
    *) return 1 ;; # another command
  esac
  [ -z "${PD_ROUTER_ENABLE_BATCH_API-}${PD_ROUTER_ACCESS_LOG_FILE-}" ] || return 0
  for argument; do
    case $argument in
      --enable-batch-api* | --access-log-file*) return 0 ;;
    esac
  done
  [ -f "$config" ] || return 1
  has "$config" enable_batch_api || has "$config" access_log_file
}

# Whether the configuration file "$1" has something in it that asks for more permissions: only then is
# it worth to run the program to have it read.
is_telling() {
  [ -r "$1" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    for pair in ${file_flags#* } $module_flags; do
      under "${pair%%=*}"
      case $line in
        *"$key"* | *zeromq* | *service_discovery*k8s* | *dns_name* | *workers*) return 0 ;;
      esac
    done
  done <"$1"
  return 1
}

# Whether "$2" is in a line of the file "$1".
has() {
  [ -r "$1" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *"$2"*) return 0 ;;
    esac
  done <"$1"
  return 1
}

# Sets `key` to "$1" with underscores for its dashes.
under() {
  key=
  rest=$1
  while [ "$rest" != "${rest#*-}" ]; do
    key=$key${rest%%-*}_
    rest=${rest#*-}
  done
  key=$key$rest
}

# Lets the files be read, and the folder be written to, that a start with these arguments names. One
# that cannot read one of them, for whatever reason, says which, and by which key it is named.
let_by() {
  named=$(program check --permissions "$@" 2>/dev/null)
  while IFS= read -r line; do
    case $line in
      --allow-ffi) addon=yes ;;
      --allow-run) allow_run=yes ;;
      --allow-write | --allow-write=*) allow_write=$line ;;
      --allow-read) allow_read=--allow-read ;;
      --allow-read=*) [ "$allow_read" = --allow-read ] || allow_read=$allow_read,${line#*=} ;;
    esac
  done <<LINES
$named
LINES
}

# As many descriptors as may be had, and the program is told how many: it may not look by itself.
take_descriptors() {
  ulimit -S -n "$(ulimit -H -n)" 2>/dev/null
  case $(ulimit -S -n) in
    *[!0-9]*) ;; # without a limit
    *) export PD_ROUTER_MAX_OPEN_FILES="${PD_ROUTER_MAX_OPEN_FILES:-$(ulimit -S -n)}" ;;
  esac
}

# Has memory be given back: V8 would let its heap grow to several times what is in use before it looks,
# and the C library would keep what was freed in an arena for each thread. V8's own reducer would drop
# what is compiled whenever less is asked for; the router itself has memory given back when it rests.
# Prompts come into memory that is there already: what is mapped for each costs a fault for every page.
# Whoever sets one of these says so for himself.
bound_memory() {
  flags='--max-semi-space-size=8,--initial-old-space-size=24,--heap-growing-percent=30,--no-memory-reducer,--retain-maps-for-n-gc=10000,--expose-gc'
  export DENO_V8_FLAGS="${DENO_V8_FLAGS-$flags}"
  # Deno takes an empty one for a flag that it does not know.
  [ -n "$DENO_V8_FLAGS" ] || unset DENO_V8_FLAGS
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"
  export MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-65536}"
  export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_-8388608}"
}

# Becomes "$@", which is a program by its path. SIGUSR1 is blocked, or else Deno opens V8's inspector
# on it; where `env` cannot do that, it is ignored until the program holds the inspector's port.
become() {
  trap '' USR1 USR2
  case $1 in
    *=*) ;; # which env would take for a variable
    *)
      if env --block-signal=USR1 env >/dev/null 2>&1; then
        export PD_ROUTER_BLOCKED_SIGNALS=USR1
        exec env --block-signal=USR1 "$@"
      fi
      ;;
  esac
  exec "$@"
}
