#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the daemon amid operations: every one that was acknowledged is in the
# ledger, once and in order.
# shellcheck source=/dev/null
. ./tap.sh

# count PATTERN: records of the ledger.
count() { ledger | grep -c "$1"; }
done_record='"register":"CONFIG","token":"0x8010".*"action":"write","outcome":"ok"'
refused_record='"token":"0x801C".*"action":"write","outcome":"refused"'

start_daemon
ok $? "the daemon starts"
done_before=$(count "$done_record")
refused_before=$(count "$refused_record")
written=0
refused=0
for round in 1 2 3; do
	i=0
	while [ $i -lt 20 ]; do
		dsmilctl write 0x8005 CONFIG "$i" >/dev/null 2>&1 && written=$((written + 1))
		dsmilctl write 0x8009 CONFIG "$i" >/dev/null 2>&1
		[ $? -eq 8 ] && refused=$((refused + 1))
		i=$((i + 1))
		if [ $i -eq $((5 * round)) ]; then stop_daemon KILL; fi
	done
	start_daemon
	ok $? "round $round: it starts again after kill -9"
done
is "60 60" "$written $refused" "no operation waited for the daemon"

# At every system call that it makes from the moment on when a record comes: the first
# of the calls after it was woken, the second, and so on.
point=1
while [ $point -le 24 ]; do
	kill_at $point "$DAEMON" >/tmp/kill_at 2>&1 &
	killer=$!
	watched() { grep -q ready /tmp/kill_at; }
	await 20 watched
	operation() {
		dsmilctl write 0x8005 CONFIG "$point" >/dev/null 2>&1 && written=$((written + 1))
		dsmilctl write 0x8009 CONFIG "$point" >/dev/null 2>&1
		[ $? -eq 8 ] && refused=$((refused + 1))
		! kill -0 "$killer" 2>/dev/null
	}
	await 20 operation
	wait "$killer"
	is 0 $? "killed at point $point: $(sed -n 2p /tmp/kill_at)"
	stop_daemon KILL
	start_daemon
	ok $? "and it starts again"
	point=$((point + 1))
done

head=$(ring head)
caught_up() { [ "$(ring tail)" -ge "$head" ]; }
await 30 caught_up
ok $? "the ring was read to its end"
ring_is_kept 1 "$head"
ok $? "the ledger has every record of the ring once and in order"
is "$written" "$(($(count "$done_record") - done_before))" "every acknowledged write is in it"
is "$refused" "$(($(count "$refused_record") - refused_before))" "so is every refused one"
rm -f /tmp/killed.db
exits 0 "the ledger is exported" dsmilctl audit export /tmp/killed.db
dsmilctl audit key >/tmp/killed.vkey
exits 0 "it verifies" dsmilctl audit verify /tmp/killed.db --key /tmp/killed.vkey
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
finish
