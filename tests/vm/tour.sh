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

# What the administrator prepared: an approver with a key of his own, and two rules.
if ! openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/bob.key" 2>/dev/null ||
	! openssl pkey -in "$work/bob.key" -pubout -out "$work/bob.pem" || ! chown bob "$work/bob.key"; then
	fail "no key for bob"
fi
cat >/etc/dsmil/grants.toml <<END
[[approver]]
name = "bob"
user = "bob"
key = "$work/bob.pem"
[[rule]]
name = "monitored, by the daemon's signature"
devices = ["0x8064"]
registers = ["CONFIG"]
values = ["0x1-0xF"]
users = ["root"]
max_per_day = 10
max_seconds = 60
[[rule]]
name = "guarded, and bob signs too"
devices = ["system-reset"]
registers = ["CONFIG"]
values = ["0x1"]
users = ["root"]
max_per_day = 1
max_seconds = 300
approvers = ["bob"]
END

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

step "Write to device 0x8064, a monitored one: only under a grant that the rules allow"
has_key() { dsmilctl grants key >"$work/dsmild.pem"; }
await has_key || fail "the daemon has no key for grants"
run 0 dsmilctl grants enroll "$work/dsmild.pem" --owner dsmild
run 0 dsmilctl grants enroll "$work/bob.pem" --owner bob
run 0 dsmilctl grants seal
mark=$(lab mark)
run 8 dsmilctl write 0x8064 CONFIG 0x1
run 4 dsmilctl write 0x8064 CONFIG 0x10 --request
run 0 dsmilctl write 0x8064 CONFIG 0x1 --request
firmware "$mark"
[ "$(grep -c WRITE "$work/journal")" -eq 1 ] || fail "the firmware did not see exactly one write"
held "refused without a grant, denied without a rule, written with both"

step "Write to system-reset, a guarded one: two persons, and bob's key is bob's"
mark=$(lab mark)
printf '%s$ dsmilctl write system-reset CONFIG 0x1 --request &%s\n' "$dim" "$plain"
dsmilctl write system-reset CONFIG 0x1 --request >"$work/request" 2>&1 </dev/null &
request=$!
waits() { dsmilctl grants list | grep -q waiting; }
await waits || fail "no grant waits"
run 0 dsmilctl grants list
id=$(awk '$2 == "waiting" { print $1 }' "$work/out")
run 0 /usr/bin/setpriv --reuid bob --regid bob --init-groups dsmilctl grants sign "$id" --key "$work/bob.key" --yes
wait "$request" || { cat "$work/request"; fail "the write did not succeed"; }
sed 's/^/  /' "$work/request"
firmware "$mark"
[ "$(grep -c WRITE "$work/journal")" -eq 1 ] || fail "the firmware did not see exactly one write"
held "signed by the TPM and by bob, written once"

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
