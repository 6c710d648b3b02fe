#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The way of Dell's driver to the firmware goes while nodes are open, and comes back.
# shellcheck source=/dev/null
. ./tap.sh
driver=/sys/bus/wmi/drivers/dell-smbios
device=$(find "$driver/" -type l -name 'A80593CE*' -exec basename {} \;)
ok "$([ -n "$device" ]; echo $?)" "Dell's driver is bound to a WMI device"
exec 7<>/dev/dsmil/8005
exits 0 "a register is read" dsmilctl read 0x8005 STATUS
dmesg | grep -q 'location map: 324 tokens of 325 are registers, 2 of them share a location with another token, 0 have no one location'
ok $? "the log counts the location map"
echo "$device" >"$driver/unbind"
ok $? "the WMI device is unbound under an open node"
exits 1 "a read then says that the firmware failed" dsmilctl read 0x8005 STATUS
exits 1 "so does a write" dsmilctl write 0x8005 CONFIG 7
exits 0 "the list still answers" dsmilctl list
dmesg | grep -q 'dsmil_dell: dell-smbios has lost its way to the firmware'
ok $? "the log says why"
dmesg | grep -c 'lost its way' >/tmp/count
is 1 "$(cat /tmp/count)" "once"
echo "$device" >"$driver/bind"
ok $? "the WMI device is bound again"
exits 0 "the register is read again" dsmilctl read 0x8005 STATUS
exits 0 "and written" dsmilctl write 0x8005 CONFIG 7
dmesg | grep -q 'dsmil_dell: dell-smbios reaches the firmware again'
ok $? "the log says that, too"
exec 7>&-
finish
