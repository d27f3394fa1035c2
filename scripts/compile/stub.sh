#!/bin/sh
# pd-router @VERSION@ for Linux @MACHINE@ with glibc, in one file: this script, then three gzip streams.
# The first start unpacks them into the user's cache folder, checks them, and runs them; later
# starts only look at sizes and times. Needs sh, coreutils and gzip; no Node, no Deno.
# What Deno has analysed and compiled of the program is kept beside it by the first start that runs.
# The folder ".../pd-router" may be deleted whenever no pd-router runs from it.

set -f
version='@VERSION@'
start=@START@ # bytes of this script
total=@TOTAL@ # bytes of this file
tools='chmod gzip head id mkdir mktemp mv rm rmdir sha256sum stat tail touch'

# Every unpacked file gets this modification time, 2000-01-01 UTC, when it has been checked:
# whoever writes into one later changes the time, so a start need not read the files to trust them.
stamp=946684800
touch_stamp=200001010000

# Calls "$1" for every packed file, with: path below the cache folder, mode, size, sha256,
# offset and length of its gzip stream.
files() {
@FILES@
}

# Whether the folder "$1" holds every file, complete and ours alone.
ready() {
  base=$1
  [ -O "$base" ] && [ ! -L "$base" ] && files sound
}

sound() {
  [ -O "$base/$1" ] && [ "$(stat -c '%s %Y' "$base/$1" 2>/dev/null)" = "$3 $stamp" ] || return 1
  # A file system mounted noexec answers no here.
  [ "$2" != 500 ] || [ -x "$base/$1" ]
}

# Calls "$1" with each folder that may hold the unpacked files until one call succeeds.
folders() {
  case ${XDG_CACHE_HOME:-} in
    /*) "$1" "$XDG_CACHE_HOME/pd-router" && return ;;
  esac
  case ${HOME:-} in
    /*) "$1" "$HOME/.cache/pd-router" && return ;;
  esac
  user=$(id -u)
  case ${TMPDIR:-} in
    /tmp | /tmp/) ;;
    /*) "$1" "$TMPDIR/pd-router-$user" && return ;;
  esac
  "$1" "/tmp/pd-router-$user"
}

# Unpacks into the folder "$1" what is missing or damaged there.
unpack() {
  base=$1
  case $base in
    *,*) refuse 'its path has a comma, which Deno permissions cannot name' || return 1 ;;
  esac
  error=$(mkdir -p -m 700 "$base" 2>&1) || refuse "$error" || return 1
  { [ -O "$base" ] && [ ! -L "$base" ]; } ||
    refuse "it is a link or belongs to someone else than user $(id -u)" || return 1
  # What a killed start left behind.
  command -v find >/dev/null 2>&1 &&
    find "$base" -name '.new.*' -prune -mmin +60 -exec rm -rf {} + 2>/dev/null
  new=$(mktemp -d "$base/.new.XXXXXX" 2>&1) || refuse "$new" || return 1
  trap 'rm -rf "$new"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  files prepare && files place
  placed=$?
  rm -rf "$new"
  trap - EXIT HUP INT TERM
  if [ "$placed" != 0 ]; then
    files tidy
    rmdir "$base" 2>/dev/null
    return 1
  fi
  ready "$base" || refuse 'unpacked files do not keep their size, time or owner there'
}

# Unpacks one file beside its place, unless it is in place already, and checks it.
prepare() {
  sound "$@" && return
  file=$new/${1##*/}
  error=$({ tail -c "+$((start + $5 + 1))" "$0" | head -c "$6" | gzip -dc >"$file"; } 2>&1) ||
    refuse "${error:-cannot unpack ${1##*/}}" || return 1
  sum=$(sha256sum <"$file")
  [ "${sum%% *}" = "$4" ] || refuse "${1##*/} has a wrong checksum after unpacking" || return 1
  error=$(chmod "$2" "$file" 2>&1) || refuse "$error" || return 1
  error=$(TZ=UTC0 touch -t "$touch_stamp" "$file" 2>&1) || refuse "$error" || return 1
  [ "$2" = 500 ] || return 0
  error=$("$file" --version 2>&1 </dev/null) ||
    refuse "cannot run programs there (mounted noexec, or no glibc 2.27): $error"
}

# Renames one file into place, so that others see the old one or the whole new one, never less.
place() {
  file=$new/${1##*/}
  [ -f "$file" ] || return 0
  error=$(mkdir -p -m 700 "$base/${1%/*}" 2>&1) || refuse "$error" || return 1
  error=$(mv -f "$file" "$base/$1" 2>&1) || refuse "$error"
}

# Removes the folder of one file if it is empty.
tidy() {
  rmdir "$base/${1%/*}" 2>/dev/null
  return 0
}

# Notes, on one line, why the folder in use will not do; fails.
refuse() {
  # shellcheck disable=SC2086
  set -- $1
  refusals="$refusals
  $base: $*"
  return 1
}

fail() {
  printf 'pd-router: %s\n' "$1" >&2
  exit 1
}

@LAUNCH@

# Runs the unpacked program to its end.
program() {
  "$base/@RUNTIME@" run @FLAGS@ \
    "$base/@PROGRAM@" "$@"
}

launch() {
  # Caches beside the program, whoever else's there are, and no word where they cannot be written; no
  # question to the outside; no package.json of others.
  export DENO_DIR="$base/@CACHES@" DENO_LOG="${DENO_LOG:-info,deno::cache::cache_db=off}"
  export DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1
  take_descriptors
  bound_memory
  let_read_named "$@"
  let_run "$base/@RUNTIME@" run @FLAGS@ \
    "--allow-ffi=$base/@ADDON@" ${allow_write:+"$allow_write"} "$base/@PROGRAM@"
  become "$base/@RUNTIME@" run @FLAGS@ \
    "--allow-ffi=$base/@ADDON@" ${allow_write:+"$allow_write"} ${allow_run:+"$allow_run"} \
    "$base/@PROGRAM@" "$@"
}

folders ready && launch "$@"

refusals=
missing=
for tool in $tools; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -z "$missing" ] || fail "cannot unpack $version: not found in PATH:$missing"
[ -r "$0" ] || fail "cannot unpack $version: cannot read $0"
size=$(stat -L -c %s "$0")
[ "$size" = "$total" ] || fail "$0 is damaged: $size bytes, not $total; copy it again"

folders unpack && launch "$@"
fail "cannot unpack $version into any of these folders (set XDG_CACHE_HOME to a better one):$refusals"
