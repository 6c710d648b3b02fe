#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The way of Dell's driver to the firmware goes while nodes are open, and comes back.
# shellcheck source=/dev/null
. ./tap.sh
driver=/sys/bus/wmi/drivers/dell-smbios
device=$(find "$driver/" -type l -name 'A80593CE*' -exec basename {} \;)
exits 0 "Dell's driver is bound to a WMI device" test -n "$device"
exec 7<>/dev/dsmil/8005
exits 0 "a register is read" dsmilctl read 0x8005 STATUS
dmesg | grep -q 'location map: 324 tokens of 325 are registers, 2 of them share a location with another token, 0 have no one location'
ok $? "the log counts the location map"
tell() { # FILE
	echo "$device" >"$driver/$1"
}
exits 0 "the WMI device is unbound under an open node" tell unbind
exits 1 "a read then says that the firmware failed" dsmilctl read 0x8005 STATUS
exits 1 "so does a write" dsmilctl write 0x8005 CONFIG 7
exits 0 "the list still answers" dsmilctl list
dmesg | grep -q 'dsmil_dell: dell-smbios has lost its way to the firmware'
ok $? "the log says why"
dmesg | grep -c 'lost its way' >/tmp/count
is 1 "$(cat /tmp/count)" "once"
exits 0 "the WMI device is bound again" tell bind
exits 0 "the register is read again" dsmilctl read 0x8005 STATUS
exits 0 "and written" dsmilctl write 0x8005 CONFIG 7
dmesg | grep -q 'dsmil_dell: dell-smbios reaches the firmware again'
ok $? "the log says that, too"
exec 7>&-
finish
