# collect.sh FOLDER: makes FOLDER, which has usr/local/bin/pd-router, the root of an image in which that
# runs. Takes programs and libraries of the system it runs on.
set -eu
root=$1
user=65532

# As it is unpacked, the self-extracting form needs these; at later starts sh, id, stat and env.
programs='sh chmod env gzip head id mkdir mktemp mv rm rmdir sha256sum stat tail touch'
# Of the addon for libzmq (sim, demo, --nixl-proxy-socket zeromq), and of Deno.
libraries='libc.so.6 libdl.so.2 libgcc_s.so.1 libm.so.6 libpthread.so.0 librt.so.1 libstdc++.so.6'

# As Debian has it: /bin is /usr/bin, and so on.
for folder in bin lib lib64; do
  mkdir -p "$root/usr/$folder"
  ln -s "usr/$folder" "$root/$folder"
done

# Copies the file "$1", whatever links lead to it, to the same path.
take() {
  mkdir -p "$root${1%/*}"
  cp -L "$1" "$root$1"
}

for program in $programs; do
  path=$(command -v "$program")
  take "$path"
  # The loader itself is one of them.
  for library in $(ldd "$path" | grep -o '/[^ ]*'); do take "$library"; done
done
for library in $libraries; do
  take "$(ldconfig -p | sed -n "s|^\t$library (.*x86-64.*) => ||p;s|^\t$library (.*AArch64.*) => ||p" | head -n 1)"
done

mkdir -p "$root/dev" "$root/etc" "$root/proc" "$root/tmp" "$root/var/cache"
chmod 1777 "$root/tmp"
printf 'root:x:0:0:root:/:/sbin/nologin\npd-router:x:%s:%s::/tmp:/sbin/nologin\n' "$user" "$user" \
  >"$root/etc/passwd"
printf 'root:x:0:\npd-router:x:%s:\n' "$user" >"$root/etc/group"
# Names of engines: first the file that the container's runtime writes, then DNS.
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
for library in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
  path=$(ldconfig -p | sed -n "s|^\t$library (.*) => ||p" | head -n 1)
  [ -z "$path" ] || take "$path"
done

# Unpacked once, by the user it is to run as: the program takes no other's files.
mkdir -p "$root/var/cache/pd-router"
chown "$user:$user" "$root/var/cache/pd-router"
chmod 700 "$root/var/cache/pd-router"
setpriv --reuid "$user" --regid "$user" --clear-groups \
  env XDG_CACHE_HOME="$root/var/cache" HOME=/nonexistent "$root/usr/local/bin/pd-router" --version
