# emulate.sh EMULATOR LIBRARIES PROGRAM...: run PROGRAM, of another kind of machine, by EMULATOR of qemu with
# the libraries below LIBRARIES. What the kernel is told of it holds for this process and its children
# alone: run it by `unshare --map-root-user --mount`.
set -eu
emulator=$1
libraries=$2
shift 2
at=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc binfmt_misc "$at"
# ELF, 64 bit, little endian, an executable or a shared object for AArch64 (183).
printf '%s' ':other:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$emulator:F" \
  >"$at/register"
QEMU_LD_PREFIX=$libraries exec "$@"
