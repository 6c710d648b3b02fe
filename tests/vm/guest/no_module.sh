#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Neither module nor daemon.
# shellcheck source=/dev/null
. ./tap.sh
exits 5 "info says that the module is missing" dsmilctl info
says 'modprobe' "and what loads it"
exits 5 "list, too" dsmilctl list
exits 5 "the quarantine's list, too" dsmilctl quarantine list
says 'modprobe' "with what loads it"
exits 5 "read, too" dsmilctl read 0x8005 STATUS
exits 5 "write, too" dsmilctl write 0x8005 CONFIG 1
exits 5 "events, too" dsmilctl events --count 1
exits 5 "doctor fails" dsmilctl doctor
says 'modprobe' "and names the command that mends it"
dsmil-handoff --user dsmil -- dsmild --config /etc/dsmil/dsmild.toml >/tmp/out 2>/tmp/err
is 5 $? "the daemon does not start without the module"
finish
