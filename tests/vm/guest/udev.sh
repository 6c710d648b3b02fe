#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A real systemd-udevd with our rules, and an ordinary user: one in the group dsmil
# that systemd-sysusers made, one not.
# shellcheck source=/dev/null
. ./tap.sh
lab unload
sed -i '/^dsmil/d' /etc/passwd /etc/group
exits 0 "systemd-sysusers makes the user and the groups" systemd-sysusers /usr/lib/sysusers.d/dsmil.conf
group=$(awk -F: '$1 == "dsmil" { print $3 }' /etc/group)
exits 0 "dsmil among them" test -n "$group"
/usr/lib/systemd/systemd-udevd --daemon
ok $? "udevd starts"
modprobe dsmil_dell
udevadm settle --timeout=60
ok $? "it handles every device of the module"
is "root:dsmil 640" "$(stat -c '%U:%G %a' /dev/dsmil/ctl)" "ctl belongs to the group"
is "root:root 600" "$(stat -c '%U:%G %a' /dev/dsmil/8005)" "a device to root alone"
is 108 "$(find /dev/dsmil/by-name -type l | wc -l)" "every device has a link by its name"
is /dev/dsmil/8009 "$(readlink -f /dev/dsmil/by-name/data-destruction)" "which leads to its node"
member() {
	/usr/bin/setpriv --reuid 1000 --regid 1000 --groups "$group" -- "$@"
}
exits 0 "a user of the group sees the devices" member dsmilctl list
exits 0 "and opens ctl" member sh -c "exec 3</dev/dsmil/ctl"
exits 4 "but reads no register" member dsmilctl read 0x8005 STATUS
exits 1 "another user opens no ctl" as_guest test -r /dev/dsmil/ctl
mkdir -p /etc/udev/rules.d
echo 'SUBSYSTEM=="dsmil", ENV{DSMIL_ID}=="0x8005", GROUP="dsmil", MODE="0660"' >/etc/udev/rules.d/91-dsmil-local.rules
udevadm control --reload
udevadm trigger --subsystem-match=dsmil --settle
is "root:dsmil 660" "$(stat -c '%U:%G %a' /dev/dsmil/8005)" "an administrator's rule opens one device"
exits 0 "the user of the group then reads it" member dsmilctl read 0x8005 STATUS
exits 4 "and no other" member dsmilctl read 0x8006 STATUS
exits 0 "the modules go" lab unload
udevadm settle --timeout=60
is 0 "$(find /dev/dsmil/by-name -type l 2>/dev/null | wc -l)" "and the links with them"
udevadm control --exit
finish
