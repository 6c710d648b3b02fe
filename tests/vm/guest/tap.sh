# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the guest's suites share: TAP, and the daemon's start and end. Sourced.
# shellcheck disable=SC2034 # the suites use what is set here

tap_count=0
tap_failed=0
SOCKET=/run/dsmil/dsmild.sock

# ok STATUS NAME: one test.
ok() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# exits CODE NAME COMMAND...: the command ends with that code. Its output is left in
# /tmp/out and /tmp/err for what follows.
exits() {
	wanted=$1 name=$2
	shift 2
	"$@" >/tmp/out 2>/tmp/err </dev/null
	got=$?
	if [ "$got" -eq "$wanted" ]; then
		ok 0 "$name"
	else
		ok 1 "$name"
		echo "# $* ended with $got, not $wanted"
		sed 's/^/# /' /tmp/out /tmp/err | tail -n 20
	fi
}

# says PATTERN NAME: the last command's output or errors hold the pattern.
says() {
	if grep -qiE "$1" /tmp/out /tmp/err; then
		ok 0 "$2"
	else
		ok 1 "$2"
		echo "# nothing like '$1' in:"
		sed 's/^/# /' /tmp/out /tmp/err | tail -n 20
	fi
}

# is WANTED GOT NAME
is() {
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3"
		echo "# wanted '$1', got '$2'"
	fi
}

finish() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}

# As the user guest, who is in no group of ours. Busybox's setpriv cannot.
as_guest() {
	/usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"
}

# await SECONDS COMMAND...: until it succeeds.
await() {
	deadline=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

# stays SECONDS COMMAND...: succeeds again and again for so long.
stays() {
	deadline=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	while [ "$(cut -d. -f1 /proc/uptime)" -lt "$deadline" ]; do
		"$@" >/dev/null 2>&1 || return 1
		sleep 0.1
	done
}

# ring NAME: head or tail of the audit ring.
ring() {
	dsmilctl info --json | grep -o "\"$1\":[0-9]*" | cut -d: -f2
}

# ledger: every record as a line of JSON.
ledger() {
	dsmilctl audit tail -n 1000000 --json
}

# ring_is_kept FROM END: the ledger has the records FROM to END - 1 of this load's audit
# ring, each once and in order.
ring_is_kept() {
	load=$(dsmilctl info --json | grep -o '"load_id":"[0-9a-f]*"')
	ledger | grep "$load" | grep -o '"ring_sequence":[0-9]*' | awk -F: -v next_one="$1" -v end="$2" '
		$2 != next_one { print "# not " next_one " but " $2; exit bad = 1 }
		{ next_one++ }
		END { if (!bad && next_one != end) print "# it ends before " next_one " of " end
		      exit bad || next_one != end }'
}

api() {
	curl -sf --unix-socket "$SOCKET" "http://localhost$1"
}

answers_or_dead() {
	api /v1/health || ! kill -0 "$DAEMON"
}

# start_daemon [CONFIG]: sets DAEMON to its pid; the log is /tmp/dsmild.log.
start_daemon() {
	dsmil-handoff --user dsmil -- dsmild --config "${1:-/etc/dsmil/dsmild.toml}" >>/tmp/dsmild.log 2>&1 &
	DAEMON=$!
	if ! await 30 answers_or_dead || ! api /v1/health >/dev/null; then
		echo "# the daemon does not answer:"
		sed 's/^/# /' /tmp/dsmild.log | tail -n 20
		return 1
	fi
}

# stop_daemon [SIGNAL]: sets STOPPED to its exit status.
stop_daemon() {
	kill "-${1:-TERM}" "$DAEMON"
	wait "$DAEMON"
	STOPPED=$?
}
