# run_image.sh ROOT ARGUMENT...: runs the router of the image whose files are below ROOT, as a strict
# container does: ROOT is read-only, /tmp may hold no programs, the user has no rights. Run it by
# `unshare --mount --pid --fork --kill-child`; the network is this machine's.
set -eu
root=$1
shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
touch "$root/dev/null"
mount --bind /dev/null "$root/dev/null"
mount -t tmpfs -o mode=1777,noexec tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec env -i PATH=/usr/local/bin:/usr/bin:/bin XDG_CACHE_HOME=/var/cache HOME=/tmp \
  /usr/sbin/chroot --userspec=65532:65532 "$root" /usr/local/bin/pd-router "$@"
