#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The firmware's module goes while files are open and the daemon runs.
# shellcheck source=/dev/null
. ./tap.sh
start_daemon
ok $? "the daemon starts"
exec 7<>/dev/dsmil/8005
exits 0 "the firmware's module is removed under an open node and a running daemon" rmmod dsmil_dell
exits 5 "a read says that the firmware is missing" dsmilctl read 0x8005 STATUS
exits 5 "so does a list" dsmilctl list
exits 0 "but what is quarantined is known" dsmilctl quarantine list --json
is 7 "$(grep -o '"id": *"0x80' /tmp/out | wc -l)" "all seven of it"
exits 0 "the daemon still answers" api /v1/health
exits 0 "the module comes back" lab load dell
exits 0 "a device is read again" dsmilctl read 0x8005 STATUS
exec 7>&-
in_ledger() { dsmilctl audit tail -n 1000 --json | grep -q detached; }
await 20 in_ledger
ok $? "the ledger knows that the firmware went"
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
exits 0 "all modules are removed" lab unload
exits 0 "and loaded again" lab load dell
finish
