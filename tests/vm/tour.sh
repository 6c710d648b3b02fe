#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tour of the emulated Latitude, run in it as root: every step says what it does,
# shows its commands and checks what they answer. The first that fails ends the tour.
set -u

if [ -n "${NO_COLOR:-}" ]; then
	bold='' dim='' green='' red='' plain=''
else
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m')
	red=$(printf '\033[31m') plain=$(printf '\033[0m')
fi
number=0
work=/tmp/tour
mkdir -p "$work"

# step TITLE
step() {
	number=$((number + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$number" "$1" "$plain"
	lab step "$number. $1"
}

fail() {
	printf '%sFAILED: %s%s\n' "$red" "$*" "$plain"
	lab verdict fail "step $number: $*"
	exit 1
}

# held TEXT: something that was checked and found right.
held() { printf '%s   %s%s\n' "$green" "$*" "$plain"; }

# run WANTED COMMAND...: shows the command and at most 10 lines of what it says; it must
# end with the status that is wanted.
run() {
	wanted=$1
	shift
	printf '%s$ %s%s\n' "$dim" "$*" "$plain"
	"$@" >"$work/out" 2>&1 </dev/null
	status=$?
	head -n 10 "$work/out" | cut -c 1-150 | sed 's/^/  /'
	[ "$(wc -l <"$work/out")" -le 10 ] || echo "  ..."
	[ "$status" -eq "$wanted" ] || fail "$1 ended with $status, not $wanted"
}

# shows PATTERN: the last command said that.
shows() { grep -qiE "$1" "$work/out" || fail "nothing like '$1' in what it said"; }

# firmware MARK: what the firmware saw since, as the host wrote it down outside the machine.
firmware() {
	printf '%s(firmware journal, kept by the host)%s\n' "$dim" "$plain"
	lab journal --since "$1" >"$work/journal" || fail "the host does not answer"
	if [ -s "$work/journal" ]; then sed 's/^/  /' "$work/journal"; else echo "  nothing"; fi
}

# await COMMAND...: until it succeeds, at most 30 seconds or as long as the daemon lives.
await() {
	until "$@" >/dev/null 2>&1; do
		now=$(cut -d. -f1 /proc/uptime)
		[ "$now" -lt "${deadline:=$((now + 30))}" ] || return 1
		kill -0 "$daemon" 2>/dev/null || return 1
		sleep 0.1
	done
	deadline=
}

step "A Dell Latitude, its in-tree dell-smbios driver, and our modules on top"
run 0 dsmilctl info
shows 'dell'
held "the firmware is reached through the real dell-smbios driver"

step "108 firmware devices; seven of them are never written"
dsmilctl list >"$work/list" || fail "list ended with $?"
run 0 dsmilctl list
devices=$(dsmilctl list --json | grep -o '"id": *"0x80[0-9A-Fa-f]*"' | wc -l)
[ "$devices" -eq 108 ] || fail "$devices devices, not 108"
run 0 dsmilctl list --risk quarantined
quarantined=$(dsmilctl list --risk quarantined --json | grep -o '"id": *"0x80[0-9A-Fa-f]*"' | wc -l)
[ "$quarantined" -eq 7 ] || fail "$quarantined quarantined devices, not 7"
held "108 devices, 7 quarantined"

step "Read a register"
mark=$(lab mark)
run 0 dsmilctl read 0x8005 STATUS
firmware "$mark"
grep -q 'read .*token 0x800F' "$work/journal" || fail "the read did not reach the firmware"
value=$(dsmilctl read 0x8005 STATUS --json | grep -o '"value": *"0x[0-9A-Fa-f]*"' | grep -o '0x[0-9A-Fa-f]*')
grep -qi "read .*$value .*token 0x800F" "$work/journal" || fail "the firmware did not say $value"
held "the read reached the firmware, and the value is the firmware's"

step "Write to device 0x8009, data destruction: the guard refuses, even for root"
mark=$(lab mark)
run 8 dsmilctl write 0x8009 CONFIG 0x1
firmware "$mark"
! grep -q WRITE "$work/journal" || fail "a write reached the firmware"
held "refused (exit code 8), and the firmware never saw it"

step "Write to device 0x8005, a safe one: done"
mark=$(lab mark)
run 0 dsmilctl write 0x8005 CONFIG 0x2A
firmware "$mark"
grep -q 'WRITE .*0x0000002A .*token 0x8010' "$work/journal" || fail "the write did not reach the firmware"
run 0 dsmilctl read 0x8005 CONFIG
shows '0x0*2a'
held "written, seen by the firmware, read back"

step "Start the daemon: root opens the audit ring, the daemon runs as the user dsmil"
printf '%s$ dsmil-handoff --user dsmil -- dsmild --config /etc/dsmil/dsmild.toml &%s\n' "$dim" "$plain"
dsmil-handoff --user dsmil -- dsmild --config /etc/dsmil/dsmild.toml >"$work/dsmild.log" 2>&1 &
daemon=$!
await curl -sf --unix-socket /run/dsmil/dsmild.sock http://localhost/v1/health || {
	tail -n 20 "$work/dsmild.log"
	fail "the daemon does not answer"
}
run 0 dsmilctl doctor
[ "$(stat -c %U "/proc/$daemon")" = dsmil ] || fail "the daemon does not run as dsmil"
[ "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$daemon/status")" = 0000000000000000 ] || fail "the daemon has a capability"
held "no privilege left, health is answered"

step "Have the TPM attest this machine over a fresh nonce"
nonce=$(head -c 20 /dev/urandom | xxd -p | tr -d '\n')
run 0 dsmilctl attest --nonce "$nonce" --out "$work/evidence"
checkquote() {
	tpm2_checkquote -u "$work/evidence/ak.pem" -m "$work/evidence/quote.msg" -s "$work/evidence/quote.sig" \
		-f "$work/evidence/quote.pcrs" -q "$1"
}
printf '%s$ tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs -q %s%s\n' "$dim" "$nonce" "$plain"
checkquote "$nonce" >"$work/out" 2>&1 || { cat "$work/out"; fail "tpm2_checkquote refuses the quote"; }
checkquote 00112233445566778899aabbccddeeff00112233 >/dev/null 2>&1 &&
	fail "tpm2_checkquote accepts another nonce"
held "tpm2_checkquote accepts the quote, and refuses it for another nonce"

step "The ledger has it all: export it and verify it by its key alone"
recorded() { dsmilctl audit tail -n 1000 | grep -qi refused; }
await recorded || fail "the refused write is not in the ledger"
run 0 dsmilctl audit tail -n 5
run 0 dsmilctl audit export "$work/ledger.db"
dsmilctl audit key >"$work/ledger.vkey" || fail "the key cannot be read"
run 0 dsmilctl audit verify "$work/ledger.db" --key "$work/ledger.vkey"
held "every record, every hash and the TPM's signature hold"

step "Flip one bit of one record in a copy: verify names the record"
victim=3
run 0 flip-ledger-byte "$work/ledger.db" "$work/forged.db" $victim
run 7 dsmilctl audit verify "$work/forged.db" --key "$work/ledger.vkey"
shows "record $victim\\b"
held "found (exit code 7), and record $victim named"

step "Stop the daemon"
kill -TERM "$daemon"
wait "$daemon"
status=$?
[ "$status" -eq 0 ] || { tail -n 20 "$work/dsmild.log"; fail "the daemon ended with $status"; }
[ ! -e /run/dsmil/dsmild.sock ] || fail "its socket is still there"
held "it ended in order"

printf '\n%s%sEvery step held.%s\n' "$bold" "$green" "$plain"
[ "${LAB_SHELL:-0}" -eq 0 ] || echo "The daemon again: dsmil-handoff --user dsmil -- dsmild --config /etc/dsmil/dsmild.toml &"
lab verdict pass "the tour's $number steps held"
