#!/bin/sh
# Builds app.elf from src/ and takes the crash snapshots. Needs Debian's gcc-riscv64-unknown-elf (12.2) and, for the
# snapshots, qemu-system-misc. Only needed after a change in src/: both results are committed and shipped.
set -eu
cd "$(dirname "$0")/src"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TOOL=riscv64-unknown-elf
MACHINE="-march=rv32imc_zicsr -mabi=ilp32"
objects=
for source in vectors.S main.c console.c sensor.c display.c services.c tasks.c panic.c; do
  object=$work/$source.o
  case $source in
    *.S) $TOOL-gcc $MACHINE -gdwarf-5 -Wa,--debug-prefix-map="$PWD"=/espmon-demo -c "$source" -o "$object" ;;
    *) $TOOL-gcc $MACHINE -Og -finline-small-functions -gdwarf-5 -ffreestanding -fno-asynchronous-unwind-tables -Wall \
      -Wextra -fno-tree-loop-distribute-patterns -ffile-prefix-map="$PWD"=/espmon-demo -c "$source" -o "$object" ;;
  esac
  objects="$objects $object"
done
$TOOL-gcc $MACHINE -nostdlib -nostartfiles -Wl,--build-id=none -Wl,--no-warn-rwx-segments -T link.ld $objects \
  -o ../app.elf
chmod 644 ../app.elf
cd ..
app=$PWD
cd ../../..
"${PYTHON:-python3}" -m espmon.sim.app.snapshot "$app/app.elf" "$app/snapshots.json"
