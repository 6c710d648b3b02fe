#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ledger's disk fills up, and then the audit ring: nothing that was acknowledged is
# lost, the ring is not advanced past what is stored, a write that could not be recorded
# is not done, and all goes on when there is room again.
# shellcheck source=/dev/null
. ./tap.sh

lab unload && lab load dell
mount -t tmpfs -o size=4m,mode=0700,uid=900,gid=900 tiny /mnt
sed -e 's|^state_dir = .*|state_dir = "/mnt"|' -e 's|^reserve_bytes = .*|reserve_bytes = 0|' /etc/dsmil/dsmild.toml >/tmp/tiny.toml
start_daemon /tmp/tiny.toml
ok $? "the daemon starts on a small disk"
head=$(ring head)
caught_up() { [ "$(ring tail)" -ge "$head" ]; }
await 30 caught_up
ok $? "it has read what there is"
dd if=/dev/zero of=/mnt/ballast bs=4k >/dev/null 2>&1

i=0
while [ $i -lt 40 ]; do
	dsmilctl read 0x8005 STATUS >/dev/null
	i=$((i + 1))
done
head=$(ring head)
behind() { [ "$(ring tail)" -lt "$head" ]; }
stays 3 behind
ok $? "the ring is not advanced past what is stored"
exits 0 "the daemon still answers" api /v1/health
exits 75 "an attestation that cannot be recorded is not given" dsmilctl attest
says 'disk is full' "and says why"
exits 75 "an export has no room" dsmilctl audit export /tmp/full.db

python3 fill_ring.py >/tmp/filled
read -r refused written answer </tmp/filled
is "3700 EAGAIN" "$refused $answer" "the ring fills up: then writes are turned away"
mark=$(lab mark)
exits 75 "dsmilctl says so" dsmilctl write 0x8005 CONFIG 1
says 'ring is full' "and why"
is 0 "$(lab journal --since "$mark" | grep -c WRITE)" "the firmware does not see such a write"

rm /mnt/ballast
head=$(ring head)
await 90 caught_up
ok $? "the daemon catches up when there is room again"
exits 0 "a write is done again" dsmilctl write 0x8005 CONFIG 2
head=$(ring head)
await 30 caught_up
ring_is_kept 1 "$head"
ok $? "the ledger has every record of the ring once and in order"
count() { ledger | grep -c "$1"; }
is $((written + 1)) "$(count '"token":"0x8010".*"action":"write","outcome":"ok"')" "every acknowledged write is in it"
kept=$(count '"token":"0x801C".*"action":"write","outcome":"refused"')
lost=$(ledger | grep '"outcome":"lost"' | grep -o '"count":[0-9]*' | awk -F: '{ sum += $2 } END { print sum + 0 }')
is "$refused" $((kept + lost)) "every refusal is in it or counted in a gap"

exits 0 "the ledger is exported" dsmilctl audit export /tmp/full.db
dsmilctl audit key >/tmp/full.vkey
exits 0 "it verifies" dsmilctl audit verify /tmp/full.db --key /tmp/full.vkey
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
umount /mnt
finish
