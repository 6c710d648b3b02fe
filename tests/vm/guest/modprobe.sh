#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What we ship for modprobe, as a real kmod reads it: inactive, and every example in it works.
# shellcheck source=/dev/null
. ./tap.sh
shipped=/usr/lib/modprobe.d/dsmil.conf
local=/etc/modprobe.d/dsmil.conf
raw_smi=/sys/devices/platform/dcdbas/smi_request
for name in modinfo modprobe; do ln -sf kmod "/usr/bin/$name"; done
modprobe=/usr/bin/modprobe # and not busybox's

lab unload
rmmod dell-smbios dell-wmi-descriptor dcdbas
active=$($modprobe -c)
mv "$shipped" /tmp/shipped
is "$active" "$($modprobe -c)" "the file as shipped changes nothing"
mv /tmp/shipped "$shipped"
# An example is a line with a word right behind its #.
examples=$(sed -n 's/^#\([a-z]\)/\1/p' "$shipped")
is 7 "$(echo "$examples" | wc -l)" "it has examples"
for module in dsmil dsmil_dell dsmil_sim; do
	for option in $(echo "$examples" | sed -n "s/^options $module \([a-z_]*\)=.*/\1/p"); do
		/usr/bin/modinfo -p "$module" | grep -q "^$option:"
		ok $? "$module has the option $option"
	done
done
exits 0 "dsmil_dell asks for what it needs" $modprobe --show-depends dsmil_dell
for module in dcdbas dell-smbios dsmil dsmil_dell; do
	says "^insmod .*/$module.ko" "  $module among it"
done

example() { # WORDS: the example that starts so is the only one in force
	echo "$examples" | grep "^$1" >"$local"
}
example "softdep dell_smbios"
/usr/lib/systemd/systemd-udevd --daemon # which reads the options when it starts
exits 0 "udev finds the devices of Dell's firmware, as at boot" \
	udevadm trigger --action=add --subsystem-match=wmi --settle
exits 0 "Dell's driver loads" test -d /sys/module/dell_smbios
exits 0 "and with the example ours follows it" test -d /sys/module/dsmil_dell
lab unload
rmmod dell-smbios dell-wmi-descriptor dcdbas
example "options dsmil_sim absent"
exits 0 "the simulated firmware loads" $modprobe dsmil_sim
udevadm settle --timeout=60
exits 3 "without the devices that the example says" dsmilctl read 0x8005 STATUS
lab unload
example "options dsmil poll_interval_s"
# The tests' own file says 0; the last word counts.
mv /etc/modprobe.d/tests.conf /tmp/tests.conf
exits 0 "the simulated firmware loads again" $modprobe dsmil_sim
is 60 "$(cat /sys/module/dsmil/parameters/poll_interval_s)" "and is polled as the example says"
mv /tmp/tests.conf /etc/modprobe.d/tests.conf
lab unload

example "blacklist dcdbas"
dell_machine="dmi:bvnDell:svnDellInc.:pnLatitude5450:"
exits 0 "a blacklisted dcdbas is asked for by the machine's name" $modprobe -b "$dell_machine"
exits 1 "and does not load" test -d /sys/module/dcdbas
rm "$local"
exits 0 "without the line it is asked for again" $modprobe -b "$dell_machine"
exits 0 "and loads" test -d /sys/module/dcdbas
rmmod dcdbas
example "blacklist dcdbas"
exits 0 "until Dell's driver is wanted" $modprobe dsmil_dell
exits 0 "which brings it along" test -w "$raw_smi"
lab unload
rmmod dell-smbios dell-wmi-descriptor dcdbas
rm "$local"
# The rule is on the last line of the file, as a comment.
sed -n '$s/^# *//p' /usr/lib/udev/rules.d/90-dsmil.rules >/etc/udev/rules.d/91-dsmil-local.rules
udevadm control --reload
exits 0 "with the udev rule Dell's driver loads" $modprobe dsmil_dell
udevadm settle --timeout=60
exits 1 "dcdbas has no files for raw calls" test -e "$raw_smi"
exits 0 "and a register is read" dsmilctl read 0x8005 STATUS
udevadm control --exit
finish
