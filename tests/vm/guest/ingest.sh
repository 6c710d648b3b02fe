#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kernel's audit, with the rules of docs/ingest.md, by both ways into the ledger.
# shellcheck source=/dev/null
. ./tap.sh

for name in auditctl auditd audisp-af_unix; do
	[ -e "/usr/bin/$name" ] || ln -s "../sbin/$name" "/usr/bin/$name"
done
rules() { # of the page
	sed -n 's/^\(-[aw] .*\)$/\1/p' /lab/source/docs/ingest.md
}
# found PATTERN ACTION OUTCOME: a record of the audit is in the ledger.
found() {
	dsmilctl audit search --source audit --action "$2" --outcome "$3" --json 2>/dev/null | grep -q "$1"
}
# comes PATTERN ACTION OUTCOME NAME
comes() {
	if await 30 found "$1" "$2" "$3"; then
		ok 0 "$4"
	else
		ok 1 "$4"
		dsmilctl audit search --source audit --json | tail -n 10 | sed 's/^/# /'
		tail -n 5 /tmp/dsmild.log | sed 's/^/# /'
	fi
}
# What somebody does to the platform.
act() {
	dd if=/dev/mem of=/dev/null bs=1 count=1
	as_guest dd if=/dev/mem of=/dev/null bs=1 count=1
	dsmilctl write 0x8005 CONFIG 1
	cat /dev/wmi/dell-smbios
	insmod "/lib/modules/$(uname -r)/dsmil_sim.ko" # there is a firmware already
	rmmod dsmil_dell
	insmod "/lib/modules/$(uname -r)/dsmil_sim.ko"
	rmmod dsmil_sim
	insmod "/lib/modules/$(uname -r)/dsmil_dell.ko"
} >/dev/null 2>&1 </dev/null

lab unload && lab load dell
auditctl -D >/dev/null
rules >/tmp/rules
is 5 "$(wc -l </tmp/rules)" "docs/ingest.md has rules"
chmod 0640 /tmp/rules
exits 0 "which a real auditctl takes" auditctl -R /tmp/rules
auditctl -e 1 >/dev/null
auditctl -b 8192 >/dev/null

exits 2 "dsmil-handoff takes no other option" dsmil-handoff --user dsmil --audit -- true
exits 4 "who may not hear the kernel's audit is told so" \
	/usr/bin/setpriv --bounding-set -audit_read dsmil-handoff --user dsmil --audit-log -- true
says 'CAP_AUDIT_READ' "and what it takes"

start_daemon /etc/dsmil/dsmild.toml --audit-log
ok $? "the daemon follows the kernel's multicast"
is 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$(pidof dsmild)/status")" "without a capability"
act
comes '"path":"/dev/mem"' memory_open ok "who opened /dev/mem is in the ledger"
comes '"uid":1000' memory_open failed "and who could not"
comes '"module":"dsmil_sim"' module_load ok "a module that was loaded"
comes '"module":"dsmil_sim"' module_load failed "one that could not be"
comes '"module":"dsmil_dell"' module_unload ok "one that was taken away"
comes '"device_id":"0x8005"' node_open ok "who opened a node for writing, with its device"
comes '"path":"/dev/wmi/dell-smbios"' interface_open ok "and the firmware's other door"
exits 0 "the metrics count them" api /v1/metrics
says '^dsmil_audit_malformed_total 0' "none of the kernel's lines is malformed"
says '^dsmil_audit_lost_total 0' "none was lost"
dsmilctl audit key >/tmp/ingest.vkey
exits 0 "the ledger is exported" dsmilctl audit export /tmp/ingest.db
exits 0 "and verifies with them" dsmilctl audit verify /tmp/ingest.db --key /tmp/ingest.vkey
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
before=$(dsmilctl audit search --source audit --action memory_open --from /tmp/ingest.db --json | grep -c '"path":"/dev/mem"')

# A real auditd with the plugin, in a folder whose group the socket gets.
mkdir -p /run/dsmil-audit /etc/audit/plugins.d /var/log/audit
chgrp dsmil /run/dsmil-audit
chmod 2750 /run/dsmil-audit
printf 'local_events = yes\nwrite_logs = no\nplugin_dir = /etc/audit/plugins.d\nq_depth = 2000\n' >/etc/audit/auditd.conf
printf 'active = yes\ndirection = out\npath = /usr/bin/audisp-af_unix\ntype = always\nargs = 0660 /run/dsmil-audit/events\nformat = string\n' \
	>/etc/audit/plugins.d/af_unix.conf
chmod 0640 /etc/audit/auditd.conf /etc/audit/plugins.d/af_unix.conf
sed 's|^audit_socket = .*|audit_socket = "/run/dsmil-audit/events"|' /etc/dsmil/dsmild.toml >/tmp/auditd.toml
start_auditd() {
	auditd -n >>/tmp/auditd.log 2>&1 &
	AUDITD=$!
	await 30 test -S /run/dsmil-audit/events
}
if start_auditd; then
	ok 0 "auditd runs, and its plugin"
else
	ok 1 "auditd runs, and its plugin"
	sed 's/^/# /' /tmp/auditd.log
	ls -l /run/dsmil-audit | sed 's/^/# /'
fi
is "root:dsmil" "$(stat -c '%U:%G' /run/dsmil-audit/events)" "the socket has the folder's group, as the page says"
start_daemon /tmp/auditd.toml
ok $? "the daemon starts"
connected() { [ "$(grep -c audit_connected /tmp/dsmild.log)" -ge "$1" ]; }
await 30 connected 1
ok $? "and follows the plugin"
act
again() { [ "$(dsmilctl audit search --source audit --action memory_open --json | grep -c '"path":"/dev/mem"')" -gt "$1" ]; }
await 60 again "$before"
ok $? "who opened /dev/mem comes this way, too"
after=$(dsmilctl audit search --source audit --action memory_open --json | grep -c '"path":"/dev/mem"')
kill "$AUDITD"
wait "$AUDITD"
gone() { grep -q audit_disconnected /tmp/dsmild.log; }
await 30 gone
ok $? "when auditd ends, the log says so"
rm -f /run/dsmil-audit/events
start_auditd
await 90 connected 2
ok $? "and when it is back, the daemon is connected again"
as_guest dd if=/dev/mem of=/dev/null bs=1 count=1 2>/dev/null
await 60 again "$after"
ok $? "and hears what happens then"
exits 0 "the metrics count" api /v1/metrics
says '^dsmil_audit_malformed_total 0' "none of auditd's lines is malformed"
kill "$AUDITD"
wait "$AUDITD"
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
auditctl -e 0 >/dev/null
auditctl -D >/dev/null
finish
