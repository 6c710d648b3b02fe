#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dsmil_dell on a kernel that nobody tested it with, or, where there is one, a dsmil_dell
# that was built with a list which knows no kernel: read-only, until the owner accepts it.
# shellcheck source=/dev/null
. ./tap.sh
load_with() { # CONTENT of modprobe.d
	rmmod dsmil_dell
	echo "$1" >/etc/modprobe.d/dsmil.conf
	modprobe dsmil_dell
}
reasons() {
	cat "/sys/bus/dsmil/devices/$1/register_reason"
}
read_only() {
	reasons 8005 | grep -c '^read-only read-only read-only$'
}

rmmod dsmil_dell
mkdir -p /etc/modprobe.d
[ ! -e /lab/unpinned ] || cp /lab/unpinned/dsmil_dell.ko "$(find /lib/modules -name dsmil_dell.ko)"
said=$(dmesg | grep -c 'dsmil_dell: read-only: ')
exits 0 "a driver that nobody tested loads" load_with ""
is $((said + 1)) "$(dmesg | grep -c 'dsmil_dell: read-only: ')" "the log says in one line that it is read-only"
words=$(dmesg | sed -n 's/.*read-only: .*"options dsmil_dell accept=\([^"]*\)".*/\1/p' | tail -n 1)
exits 0 "and which option accepts it" test -n "$words"
is 1 "$(read_only)" "a safe device is then read-only"
is "quarantined quarantined quarantined" "$(reasons 8009)" "a quarantined one stays quarantined"
exits 0 "registers are read" dsmilctl read 0x8005 STATUS
mark=$(lab mark)
exits 8 "and not written" dsmilctl write 0x8005 CONFIG 7
is "" "$(lab journal --since "$mark" | grep WRITE)" "the firmware sees no write"

load_with "options dsmil_dell accept=yes"
is 1 "$(read_only)" "a mere yes accepts nothing"
load_with "options dsmil_dell accept=${words%?}"
is 1 "$(read_only)" "nor does a part of what the log named"
load_with "options dsmil_dell accept=$(echo "$words" | tr '0-9' '1-90')"
is 1 "$(read_only)" "nor do other versions"
load_with "options dsmil_dell accept=$words"
is 0 "$(read_only)" "exactly those are accepted"
value=$(dsmilctl read 0x8005 CONFIG | grep -oi '0x[0-9a-f]\{8\}')
exits 0 "and a safe device is written" dsmilctl write 0x8005 CONFIG 7
exits 0 "and gets its value back" dsmilctl write 0x8005 CONFIG "$value"
finish
