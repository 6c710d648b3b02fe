#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records in a real journal and with a real syslogd, and what is said when those take nothing.
# shellcheck source=/dev/null
. ./tap.sh

lab unload && lab load dell
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
mkdir -p /run/systemd/journal /run/log/journal /etc/systemd
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\n' >/etc/systemd/journald.conf
mount -t cgroup2 cgroup2 /sys/fs/cgroup # journald does not go on without
start_journal() {
	/usr/lib/systemd/systemd-journald >>/tmp/journald.log 2>&1 &
	JOURNALD=$!
	await 30 test -S /run/systemd/journal/socket
}
journal() { # MATCH...
	journalctl -D /run/log/journal -q --no-pager -o json "$@"
}
state() { # SINK: its state
	dsmilctl audit sinks --json | grep -o "\"name\":\"$1\"[^}]*" | grep -o '"state":"[a-z]*"' | cut -d'"' -f4
}
in_state() {
	[ "$(state "$1")" = "$2" ]
}
size() {
	api /v1/ledger/head | grep -o '"size":[0-9]*' | cut -d: -f2
}

sed -e 's|^journald = .*|journald = true|' -e 's|^syslog = .*|syslog = "/run/syslog.sock"|' \
	-e 's|^state_dir = .*|state_dir = "/mnt"|' /etc/dsmil/dsmild.toml >/tmp/sinks.toml
mount -t tmpfs -o size=64m,mode=0700,uid=900,gid=900 state /mnt
start_daemon /tmp/sinks.toml
ok $? "the daemon starts without a journal"
await 30 in_state journald failed
ok $? "and says that there is none"
start_journal
ok $? "a real journald starts"
await 120 in_state journald current
ok $? "then it has everything"
dsmilctl read 0x8005 STATUS >/dev/null
dsmilctl write 0x8009 CONFIG 1 >/dev/null 2>&1
dsmilctl attest --out /tmp/evidence >/dev/null 2>&1
refused() { journal SYSLOG_IDENTIFIER=dsmil-ledger DSMIL_OUTCOME=refused DSMIL_DEVICE_ID=0x8009 | grep -q 'write refused: device 0x8009'; }
await 60 refused
ok $? "the journal finds a refused write by its fields"
settled() { in_state journald current && [ "$(journal SYSLOG_IDENTIFIER=dsmil-ledger | wc -l)" -eq "$(size)" ]; }
await 60 settled
ok $? "and has as many records as the ledger"
journal SYSLOG_IDENTIFIER=dsmil-ledger -o cat --output-fields=DSMIL_RECORD >/tmp/journal.records
ledger >/tmp/ledger.records
first() { grep -o '"sequence":[0-9]*' "$1" | head -n "$(wc -l </tmp/journal.records)" | sha256sum; }
is "$(first /tmp/ledger.records)" "$(first /tmp/journal.records)" "each once and in order"

# A journal that is there and takes nothing.
kill -STOP "$JOURNALD"
flood() {
	i=0
	while [ $i -lt 40 ]; do
		dsmilctl read 0x8005 STATUS >/dev/null
		i=$((i + 1))
	done
	in_state journald blocked
}
await 90 flood
ok $? "one that takes nothing is blocked, and not failed"
kept=$(size)
dsmilctl read 0x8005 STATUS >/dev/null
grown() { [ "$(size)" -gt "$kept" ]; }
await 30 grown
ok $? "the ledger goes on"
in_state syslog failed
ok $? "another sink is on its own: nobody listens there"
kill -CONT "$JOURNALD"
await 120 settled
ok $? "when it goes on, it gets everything"

# A real syslogd.
busybox syslogd -n -O /tmp/messages &
SYSLOGD=$!
await 30 test -S /dev/log
ln -s /dev/log /run/syslog.sock
await 120 in_state syslog current
ok $? "a syslogd that came later gets everything"
grep -q "local0.warn dsmil-ledger: {" /tmp/messages
ok $? "a refusal is a warning of the facility local0"
kill "$SYSLOGD"
wait "$SYSLOGD"
kill -STOP "$JOURNALD"
await 90 flood
stop_daemon
is 0 "$STOPPED" "a blocked sink does not keep the daemon from ending in order"
kill -CONT "$JOURNALD"
kill "$JOURNALD"
wait "$JOURNALD"
umount /mnt
finish
