#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The daemon with the machine's TPM: attestation, ledger, export, stop.
# shellcheck source=/dev/null
. ./tap.sh

printf 'this is = not [a config\n' >/tmp/broken.toml
printf 'no_such_key = 1\n' >/tmp/unknown.toml
exits 2 "a broken config file ends the daemon" dsmild --config /tmp/broken.toml
exits 2 "an unknown key ends the daemon" dsmild --config /tmp/unknown.toml
says 'no_such_key' "and is named"
exits 2 "--check-config finds it, too" dsmild --check-config --config /tmp/unknown.toml
exits 0 "the documented config is valid" dsmild --check-config --config /etc/dsmil/dsmild.toml

start_daemon
ok $? "the daemon starts"
is dsmil "$(stat -c %U /proc/"$DAEMON")" "it runs as the user dsmil"
is 0000000000000000 "$(awk '$1 == "CapEff:" { print $2 }' "/proc/$DAEMON/status")" "it has no capability"
exits 4 "a user without rights may not ask for an attestation" as_guest dsmilctl attest

nonce=$(head -c 20 /dev/urandom | xxd -p | tr -d '\n')
exits 0 "the machine attests itself" dsmilctl attest --nonce "$nonce" --out /tmp/evidence
checkquote() {
	tpm2_checkquote -u /tmp/evidence/ak.pem -m /tmp/evidence/quote.msg -s /tmp/evidence/quote.sig \
		-f /tmp/evidence/quote.pcrs -q "$1"
}
exits 0 "tpm2_checkquote accepts the quote" checkquote "$nonce"
checkquote 00112233445566778899aabbccddeeff00112233 >/dev/null 2>&1
is 1 "$(($? != 0))" "tpm2_checkquote refuses it for another nonce"
exits 2 "a nonce of 33 bytes is a usage error" dsmilctl attest --nonce "$(printf '00%.0s' $(seq 33))"

exits 0 "the TPM's health is told" dsmilctl tpm status
exits 0 "the TPM attests a device" dsmilctl device attest 0x8005
says 'CONFIG' "with its registers"
says '^firmware_version [^ ]' "and the version of the firmware"
exits 0 "the evidence is kept" dsmilctl device attest 0x8005 --out /tmp/device
check_statement() {
	tpm2_checkquote -u /tmp/device/ak.pem -m /tmp/device/quote.msg -s /tmp/device/quote.sig -f /tmp/device/quote.pcrs \
		-q "$1$(sha256sum /tmp/device/statement | cut -c1-64)"
}
exits 0 "tpm2_checkquote finds the statement's hash in it" check_statement d501
check_statement d502 >/dev/null 2>&1
is 1 "$(($? != 0))" "and no other"
exits 6 "older evidence is not replaced" dsmilctl device attest 0x8005 --out /tmp/device
exits 0 "the device gets a key of its own, certified by that attestation key" \
	dsmilctl device provision 0x8005 --ak /tmp/device/ak.pem
openssl pkey -pubin -in /tmp/out -noout
ok $? "which OpenSSL reads"
rm -f /tmp/sealed
exits 0 "its configuration is sealed to the machine's state" dsmilctl device seal 0x8005 /tmp/sealed --pcrs 16
recovery=$(sed -n 's/.*kept nowhere else: //p' /tmp/out)
exits 0 "and opened in it" dsmilctl device unseal 0x8005 /tmp/sealed
says 'CONFIG' "with what was sealed"
tpm2 pcrextend -T device:/dev/tpmrm0 16:sha256=0000000000000000000000000000000000000000000000000000000000000001
ok $? "then the state changes"
exits 7 "and it stays shut" dsmilctl device unseal 0x8005 /tmp/sealed
says 'PCR 16' "naming what changed"
printf '%s\n' "$recovery" >/tmp/recovery
exits 0 "but to the recovery secret" dsmilctl device unseal 0x8005 /tmp/sealed --recovery /tmp/recovery
exits 6 "and never as another device's" dsmilctl device unseal 0x8006 /tmp/sealed --recovery /tmp/recovery

exits 8 "a refused write is made for the ledger" dsmilctl write 0x8009 CONFIG 7
exits 0 "and an allowed one" dsmilctl write 0x8005 CONFIG 0x77
exits 0 "and reads" sh -c 'for i in 1 2 3 4; do dsmilctl read 0x8005 CONFIG; done'
in_ledger() { dsmilctl audit tail -n 1000 --json | grep -qi "$1"; }
await 20 in_ledger '0x0*8009.*refused'
ok $? "the refused write is in the ledger"

dsmilctl events --count 2 >/tmp/events 2>&1 &
follower=$!
following() { dsmilctl read 0x8005 DATA >/dev/null; ! kill -0 $follower 2>/dev/null; }
await 20 following
ok $? "events follows"
dsmilctl events --count 4 --json >/tmp/events 2>&1 &
follower=$!
batch() { printf 'write 0x8005 CONFIG 0x78\nwrite 0x8009 CONFIG 9\n' | dsmilctl batch >/dev/null; ! kill -0 $follower 2>/dev/null; }
await 20 batch
grep -q '"outcome":"refused","reason":"quarantined"' /tmp/events
ok $? "and lists the operations of a batch"
await 20 in_ledger '"batch_part","outcome":"refused".*write 0x801C value 0x00000009 refused quarantined'
ok $? "the ledger has each operation of a batch"

exits 0 "the ledger is exported" dsmilctl audit export /tmp/ledger.db
exits 6 "an existing file is not overwritten" dsmilctl audit export /tmp/ledger.db
exits 0 "the key is printed" dsmilctl audit key
cp /tmp/out /tmp/ledger.vkey
exits 0 "the export verifies" dsmilctl audit verify /tmp/ledger.db --key /tmp/ledger.vkey
lab put /tmp/ledger.db
lab put /tmp/ledger.vkey

flip-ledger-byte /tmp/ledger.db /tmp/flipped.db 5 >/dev/null
ok $? "a byte of record 5 is flipped in a copy"
exits 7 "verify finds the flipped byte" dsmilctl audit verify /tmp/flipped.db --key /tmp/ledger.vkey
says 'record 5\b' "and names the record"
lab put /tmp/flipped.db

head -c 5000 /tmp/ledger.db >/tmp/short.db
exits 7 "half a file does not verify" dsmilctl audit verify /tmp/short.db --key /tmp/ledger.vkey
exits 3 "a missing file is not found" dsmilctl audit verify /tmp/nothing.db --key /tmp/ledger.vkey

stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
is absent "$([ -e "$SOCKET" ] && echo there || echo absent)" "its socket is gone"
finish
