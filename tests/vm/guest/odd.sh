#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Device 107 is absent; reading STATUS of device 84 fails, of 85 is unsupported;
# writing CONFIG of device 32 fails, its DATA is unsupported.
# shellcheck source=/dev/null
. ./tap.sh
before=$(dsmilctl read 0x8020 CONFIG | grep -o '0x[0-9A-Fa-f]*' | tail -n 1)
exits 1 "a firmware error on a read is a failure" dsmilctl read 0x8054 STATUS
says 'firmware' "and names the firmware"
exits 5 "an unsupported token is unavailable" dsmilctl read 0x8055 STATUS
says 'support' "and says so"
exits 1 "a firmware error on a write is a failure" dsmilctl write 0x8020 CONFIG 1
says 'firmware' "and names the firmware"
exits 5 "an unsupported write is unavailable" dsmilctl write 0x8020 DATA 1
says 'support' "and says so"
exits 0 "what the firmware did not take" dsmilctl read 0x8020 CONFIG
says "$before" "is not there"
exits 0 "the next register of that device is read" dsmilctl read 0x8054 CONFIG
failing=
for id in $(dsmilctl list --json | grep -o '0x80[0-9A-F][0-9A-F]' | sort -u); do
	for register in STATUS CONFIG DATA; do
		dsmilctl read "$id" "$register" >/dev/null 2>&1 || failing="$failing $id:$register:$?"
	done
done
is " 0x8054:STATUS:1 0x8055:STATUS:5 0x806B:STATUS:3 0x806B:CONFIG:3 0x806B:DATA:3" "$failing" \
	"of all 324 registers only those that fail or are absent are not read"
exits 3 "an absent device is not found" dsmilctl read 0x806B STATUS
exits 3 "nor can it be written" dsmilctl write 0x806B CONFIG 1
exits 0 "it is shown as absent" dsmilctl show 0x806B
says 'absent|not present|present: *no|no .*tokens' "in words"
exits 0 "the other devices are there" dsmilctl list --json
is 107 "$(grep -o '"present": *true' /tmp/out | wc -l)" "107 of them"
exits 0 "a safe device is still written" dsmilctl write 0x8005 CONFIG 3
lab unload
lab load sim absent=107
exits 3 "on the simulated firmware, too, the device is absent" dsmilctl read 0x806B STATUS
lab unload
lab load dell
finish
