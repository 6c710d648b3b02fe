#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The modules that the real dkms built and signed, with Secure Boot on and its certificate
# enrolled as mokutil would: the kernel takes no others.
# shellcheck disable=SC2154 # secure.sh sets installed and efivars
# shellcheck source=/dev/null
. ./tap.sh
# shellcheck source=/dev/null
. ./secure.sh
journal_writes() { lab journal --since "$1" | grep -c WRITE; }

dmesg | grep -q "Kernel is locked down from EFI Secure Boot"
ok $? "the kernel has locked itself for Secure Boot"
for name in dsmil dsmil_dell dsmil_sim; do
	is "DKMS module signing key" "$(/usr/bin/modinfo -F signer "$installed/$name.ko")" "$name.ko is signed by the key that dkms made"
done
exits 0 "the doctor looks at them" doctor
says "^ok .*signed by \"DKMS module signing key\", whose key is enrolled" "and finds their key enrolled"
for kind in dell sim; do
	exits 0 "dsmil_$kind loads" lab load "$kind"
	exits 0 "the devices are listed" dsmilctl list
	is 108 "$(grep -c ' 0x80[0-6]' /tmp/out)" "and are 108"
	exits 0 "a register is read" dsmilctl read 0x8005 STATUS
	mark=$(lab mark)
	exits 8 "a quarantined one is not written" dsmilctl write 0x8009 CONFIG 1
	is 0 "$(journal_writes "$mark")" "and nothing reached the firmware"
	exits 0 "a safe one is written" dsmilctl write 0x8005 CONFIG 7
	exits 0 "a self test of all commands holds" /lab/kselftest/commands
	exits 0 "and the one of the guard" /lab/kselftest/guard
	exits 0 "they go again" lab unload
done
is 0 "$(($(cat /proc/sys/kernel/tainted) & 8192))" "the kernel is not tainted by an unsigned module"
finish
