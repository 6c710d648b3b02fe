#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Grants that dsmild issues with the machine's TPM: rules, an approver with a key of his
# own, two users. The module was loaded afresh: no key is enrolled.
# shellcheck source=/dev/null
. ./tap.sh

as_alice() { /usr/bin/setpriv --reuid 1001 --regid 1001 --groups 900 -- "$@"; }
as_bob() { /usr/bin/setpriv --reuid 1002 --regid 1002 --groups 900,903 -- "$@"; }
keys=/etc/dsmil/grant-keys.d
mkdir -p "$keys"
for who in bob eve; do
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "/tmp/$who.key" 2>/dev/null
	openssl pkey -in "/tmp/$who.key" -pubout -out "/tmp/$who.pem"
	chown 1002 "/tmp/$who.key"
done
cp /tmp/bob.pem "$keys"
rules() { # VALUES
	cat >/etc/dsmil/grants.toml <<-END
		[[approver]]
		name = "bob"
		user = "bob"
		key = "$keys/bob.pem"
		[[rule]]
		name = "one"
		devices = ["0x8064"]
		registers = ["CONFIG"]
		values = [$1]
		users = ["alice"]
		max_per_day = 1
		max_seconds = 60
		[[rule]]
		name = "two"
		devices = ["0x8015"]
		registers = ["CONFIG"]
		values = ["0x1"]
		users = ["alice"]
		max_per_day = 3
		max_seconds = 300
		approvers = ["bob"]
	END
}
rules '"0x3-0x1"'
exits 2 "rules that make no sense end the daemon" dsmild --config /etc/dsmil/dsmild.toml
says 'grants.toml:9' "with their line"
rules '"0x1"'
exits 0 "those that do are accepted" dsmild --check-config --config /etc/dsmil/dsmild.toml

start_daemon
ok $? "the daemon starts"
has_key() { dsmilctl grants key >"$keys/dsmild.pem"; }
await 60 has_key
ok $? "it has a key for grants, in the TPM"
chgrp 1001 /dev/dsmil/8064 /dev/dsmil/8015 # what the rule of udev does that docs/grants.md shows
chmod 0660 /dev/dsmil/8064 /dev/dsmil/8015

exits 5 "before its key is enrolled nothing is granted" as_alice dsmilctl grants request 0x8064 CONFIG 1
says 'dsmild is not enrolled' "and it says so"
touch "$keys/seal"
exits 0 "the keys of the folder are enrolled, and the list closed" /usr/libexec/dsmil/dsmil-grant-keys
exits 0 "again is no error" /usr/libexec/dsmil/dsmil-grant-keys
dsmilctl grants keys >/tmp/out 2>&1
says 'dsmild$' "dsmild's is among them"
says 'bob$' "and bob's"

mark=$(lab mark)
exits 8 "without a grant alice does not write" as_alice dsmilctl write 0x8064 CONFIG 0x1
exits 4 "what no rule allows is denied" as_alice dsmilctl write 0x8064 CONFIG 0x2 --request
says 'allows the value 0x00000002' "and says what is nearest"
exits 4 "as it is to who is in no rule" as_bob dsmilctl grants request 0x8064 CONFIG 0x1
exits 4 "and to who has no role" as_guest dsmilctl grants request 0x8064 CONFIG 0x1
exits 0 "what a rule allows is granted and written" as_alice dsmilctl write 0x8064 CONFIG 0x1 --request
echo "# granted 0x812d 0x00000001"
exits 4 "as often as the rule says" as_alice dsmilctl write 0x8064 CONFIG 0x1 --request
says 'used up' "and it says so"

as_alice dsmilctl write 0x8015 CONFIG 0x1 --request >/tmp/alice 2>&1 &
alice=$!
waiting() {
	id=$(dsmilctl grants list --json | grep -o '"id":"[0-9a-f]*","state":"waiting"' | cut -d'"' -f4)
	[ -n "$id" ]
}
await 30 waiting
ok $? "a guarded device waits for a second person"
exits 4 "who asked has no say" as_alice dsmilctl grants sign "$id" --key /tmp/bob.key --yes
exits 4 "nor has root, who is not bob" dsmilctl grants sign "$id" --key /tmp/bob.key --yes
exits 2 "another key than bob's is refused" as_bob dsmilctl grants sign "$id" --key /tmp/eve.key --yes
exits 2 "nobody signs without having been asked" as_bob dsmilctl grants sign "$id" --key /tmp/bob.key
exits 0 "bob signs with his own key" as_bob dsmilctl grants sign "$id" --key /tmp/bob.key --yes
wait $alice
is 0 $? "alice's write is done"
sed 's/^/# /' /tmp/alice
echo "# granted 0x8040 0x00000001"
exits 6 "the grant is given out once" as_alice dsmilctl write 0x8015 CONFIG 0x1 --granted "$id"
exits 6 "and cannot be revoked then" as_alice dsmilctl grants revoke "$id"

exits 0 "another one is asked for" as_alice dsmilctl grants request 0x8015 CONFIG 0x1
waiting
exits 75 "it is not given out before bob has signed" as_alice dsmilctl write 0x8015 CONFIG 0x1 --granted "$id"
exits 0 "bob takes it back" as_bob dsmilctl grants revoke "$id"
exits 6 "it cannot be signed any more" as_bob dsmilctl grants sign "$id" --key /tmp/bob.key --yes
exits 6 "nor used" as_alice dsmilctl write 0x8015 CONFIG 0x1 --granted "$id"
is 2 "$(lab journal --since "$mark" | grep -c WRITE)" "the firmware saw two writes"

ledger >/tmp/ledger
for step in '"grant_requested","outcome":"refused"' '"grant_requested","outcome":"ok"' '"grant_approved"' \
	'"grant_issued"' '"grant_revoked"'; do
	grep -q "$step" /tmp/ledger
	ok $? "the ledger has $step"
done
nonce=$(grep '"grant_issued"' /tmp/ledger | grep -o '"nonce":"[0-9a-f]*"' | tail -n 1 | cut -d'"' -f4)
grep '"action":"write"' /tmp/ledger | grep -q "\"grant_nonce\":\"$nonce\""
ok $? "and the kernel's record of the write names the grant"

stop_daemon
is 0 "$STOPPED" "the daemon ends in order"
start_daemon
exits 4 "the next counts the day's uses out of the ledger" as_alice dsmilctl grants request 0x8064 CONFIG 0x1
says 'used up' "and goes on from there"
stop_daemon
rm -rf /etc/dsmil/grants.toml "$keys"
finish
