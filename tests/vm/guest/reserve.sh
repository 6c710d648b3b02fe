#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A disk that is really full, and the reserve that is kept for what matters to security.
# shellcheck source=/dev/null
. ./tap.sh

lab unload && lab load dell
mount -t tmpfs -o size=16m,mode=0700,uid=900,gid=900 small /mnt
sed -e 's|^state_dir = .*|state_dir = "/mnt"|' -e '/^reserve_bytes/d' /etc/dsmil/dsmild.toml >/tmp/small.toml
start_daemon /tmp/small.toml
ok $? "the daemon starts on a small disk"
has_reserve() { [ "$(stat -c %s /mnt/ledger.db.reserve 2>/dev/null)" = 4194304 ]; }
no_reserve() { [ ! -e /mnt/ledger.db.reserve ]; }
await 30 has_reserve
ok $? "and keeps 4 MiB of it"
is "$((4194304 / 512))" "$(stat -c %b /mnt/ledger.db.reserve)" "really, and not by name"
head=$(ring head)
caught_up() { [ "$(ring tail)" -ge "$head" ]; }
await 30 caught_up
dd if=/dev/zero of=/mnt/ballast bs=4k >/dev/null 2>&1
reads() {
	i=0
	while [ $i -lt 20 ]; do
		dsmilctl read 0x8005 STATUS >/dev/null
		i=$((i + 1))
	done
	no_reserve
}
await 60 reads
ok $? "when the disk is full the reserve is let go of"
recorded() { # ACTION OUTCOME
	dsmilctl audit search --action "$1" --outcome "$2" --json | grep -q '"sequence"'
}
await 30 recorded disk_full noticed
ok $? "and that is recorded"
exits 0 "the daemon says so" api /v1/health
says degraded "in its health"
exits 8 "a refused write" dsmilctl write 0x8009 CONFIG 1
head=$(ring head)
await 30 caught_up
ok $? "is taken from the ring all the same"
await 30 recorded write refused
ok $? "and is in the ledger, on the full disk"
exits 0 "the metrics say that the reserve is in use" api /v1/metrics
says '^dsmil_ledger_has_reserve 0' "until it is taken back"
dsmilctl read 0x8005 STATUS >/dev/null
head=$(ring head)
behind() { [ "$(ring tail)" -lt "$head" ]; }
stays 3 behind
ok $? "what does not matter so much waits in the ring"
rm /mnt/ballast
await 90 caught_up
ok $? "until there is room again"
await 30 has_reserve
ok $? "the reserve is back"
await 30 recorded disk_free noticed
ok $? "and that is recorded, too"
ring_is_kept 1 "$head"
ok $? "the ledger has every record of the ring once and in order"
dsmilctl audit key >/tmp/small.vkey
exits 0 "the ledger is exported" dsmilctl audit export /tmp/small.db
exits 0 "it verifies" dsmilctl audit verify /tmp/small.db --key /tmp/small.vkey
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
umount /mnt
finish
