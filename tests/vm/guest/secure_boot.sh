#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Secure Boot is on: the kernel takes our modules only when a key signed them that the
# firmware knows, from its database (db) or from the machine's owner (MOK).
# shellcheck disable=SC2154 # secure.sh sets installed and efivars
# shellcheck source=/dev/null
. ./tap.sh
# shellcheck source=/dev/null
. ./secure.sh
global=8be4df61-93ca-11d2-aa0d-00e098032b8c

byte() { # VARIABLE: its value, after four bytes of attributes
	tail -c 1 "$efivars/$1-$global" | od -An -tu1 | tr -d ' '
}
since() { # what the kernel's log has got since the last line counted in log_lines
	dmesg | tail -n "+$((log_lines + 1))"
}
# refused NAME FILE [LOG]: the kernel does not take the file: EKEYREJECTED, in words.
refused() {
	log_lines=$(dmesg | wc -l)
	exits 1 "$1 is refused" /usr/bin/insmod "$2"
	says ": Key was rejected by service$" "  as a key that was rejected"
	if [ -n "$3" ]; then
		since | grep -q "$3"
		ok $? "  and the log says: $3"
	else
		is "" "$(since | grep -i module)" "  of which the log says nothing"
	fi
	test ! -d /sys/module/dsmil
	ok $? "  and nothing is loaded"
}
install_signed_by() { # KEY
	cp "/lab/modules/$1/"*.ko "$installed/"
}
enrolled() {
	grep -c "asymmetri .*$1: .*X509.rsa" /proc/keys
}

is 1 "$(byte SecureBoot)" "the firmware says that Secure Boot is on"
is 0 "$(byte SetupMode)" "and that its keys are set"
dmesg | grep -q "Kernel is locked down from EFI Secure Boot"
ok $? "the kernel has locked itself for that"
is "none [integrity] confidentiality" "$(cat /sys/kernel/security/lockdown)" "lockdown is integrity"
is 1 "$(enrolled 'Lab database key')" "the kernel has the certificate of the firmware's database"
is 1 "$(enrolled 'Lab machine owner key')" "and the one of the machine's owner"
is 0 "$(enrolled 'Lab stranger')" "and no other"

for node in mem port; do
	exits 1 "root does not open /dev/$node" head -c 1 "/dev/$node"
	says "Operation not permitted" "  which lockdown forbids"
done

refused "an unsigned module" "$installed/dsmil.ko" \
	"Loading of unsigned module is rejected"
refused "a module signed by a key that is not enrolled" /lab/modules/stranger/dsmil.ko \
	"Loading of module with unavailable key is rejected"
refused "a stranger's key in the name of an enrolled one" /lab/modules/namesake/dsmil.ko \
	"Loading of module with unavailable key is rejected"
refused "a module with a byte changed after it was signed" /lab/modules/flipped/dsmil.ko ""

exits 0 "the doctor looks at an unsigned module" doctor
says "^fail .*Secure Boot is on, lockdown is integrity; the module is not signed" "and says that it will not load"
says "remedy: .*mokutil --import" "and what mends it"
install_signed_by stranger
exits 0 "the doctor looks at a stranger's module" doctor
says "^fail .*signed by \"Lab stranger\", whose key is not enrolled" "and says whose key is missing"
says "remedy: .*mokutil --import" "and what mends it"

for key in owner database; do
	install_signed_by "$key"
	exits 0 "the doctor looks at a module signed by the key: $key" doctor
	says "^ok .*signed by \"Lab .*\", whose key is enrolled" "and finds nothing to mend"
	exits 0 "the kernel takes it" /usr/bin/modprobe dsmil_sim
	lab load sim
	exits 0 "the devices are listed" dsmilctl list
	exits 0 "a register is read" dsmilctl read 0x8005 STATUS
	exits 0 "and written" dsmilctl write 0x8005 CONFIG 7
	exits 8 "a quarantined one is not" dsmilctl write 0x8009 CONFIG 1
	exits 0 "it goes again" lab unload
done
exits 0 "on Dell's driver, too" lab load dell
exits 0 "a register is read" dsmilctl read 0x8005 STATUS
is 0 "$(($(cat /proc/sys/kernel/tainted) & 8192))" "the kernel is not tainted by an unsigned module"
finish
