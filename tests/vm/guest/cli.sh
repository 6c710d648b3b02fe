#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dsmilctl against the kernel, as root and as a user without rights. No daemon runs.
# shellcheck source=/dev/null
. ./tap.sh

# writes_since MARK: how many writes the firmware saw since.
writes_since() {
	lab journal --since "$1" | grep -c WRITE
}

exits 3 "an unknown device is not found" dsmilctl read 0x9009 STATUS
exits 3 "an unknown register is not found" dsmilctl read 0x8005 COLOUR
exits 2 "a value above 32 bits is a usage error" dsmilctl write 0x8005 CONFIG 0x100000000
exits 2 "a value that is no number is a usage error" dsmilctl write 0x8005 CONFIG many
exits 2 "an unknown command is a usage error" dsmilctl fly

mark=$(lab mark)
exits 8 "a write to a quarantined device is refused" dsmilctl write 0x8009 CONFIG 1
exits 8 "a write to the locked device is refused" dsmilctl write 0x8053 CONFIG 1
exits 8 "a write to a token that reads as a quarantined id is refused" dsmilctl write 0x8008 CONFIG 1
exits 8 "a write to an alias of a quarantined token is refused" dsmilctl write 0x8030 CONFIG 1
exits 8 "a write to a monitored device is refused without a grant" dsmilctl write 0x8001 CONFIG 1
says 'grant' "and the refusal names the grant"
exits 8 "a write to a guarded device is refused without a grant" dsmilctl write 0x8015 CONFIG 1
exits 4 "a user without rights may not read a device" as_guest dsmilctl read 0x8005 STATUS
exits 4 "a user without rights may not write a safe device" as_guest dsmilctl write 0x8005 CONFIG 1
exits 4 "a user without rights may not look at ctl" as_guest dsmilctl info
exits 4 "a user without rights may not follow events" as_guest dsmilctl events --count 1
is 0 "$(writes_since "$mark")" "the firmware saw none of these writes"

mark=$(lab mark)
printf 'read 0x8005 STATUS\nwrite 0x8005 CONFIG 0x2B\nwrite 0x8009 CONFIG 1\nread 0x8005 CONFIG\n' >/tmp/batch
exits 8 "a batch with a refused write says so" dsmilctl batch /tmp/batch
says 'write 0x801C value 0x00000001 refused quarantined' "names the operation and the rule"
says 'read 0x8010 value 0x0000002b ok' "and has done the others"
is 1 "$(writes_since "$mark")" "the firmware saw one write of it"
exits 8 "--stop ends it at the refusal" dsmilctl batch --stop /tmp/batch
says 'read 0x8010 failed -125' "and the rest is cancelled"
mark=$(lab mark)
printf 'write 0x8005 CONFIG 1\nfly\n' >/tmp/batch
exits 2 "a line that makes no sense is a usage error" dsmilctl batch /tmp/batch
says 'line 2' "that names the line"
is 0 "$(writes_since "$mark")" "and nothing of the batch was done"
exits 4 "a user without rights runs no batch" as_guest sh -c 'echo read 0x8005 STATUS | dsmilctl batch'

exits 5 "without the daemon there is no attestation" dsmilctl attest
exits 5 "without the daemon there is no audit tail" dsmilctl audit tail

mark=$(lab mark)
exits 0 "root reads a device" dsmilctl read 0x8005 STATUS
exits 0 "root reads a quarantined device" dsmilctl read 0x8009 STATUS
exits 0 "root writes a safe device" dsmilctl write 0x8005 CONFIG 0x2A
is 1 "$(writes_since "$mark")" "the firmware saw that one write"
exits 0 "what was written is read back" dsmilctl read 0x8005 CONFIG
says '0x0*2a' "and has the value"
mark=$(lab mark)
exits 0 "status shows what is known of a device" dsmilctl status 0x8005
says '0x0000002A' "with the value that was written"
exits 0 "status shows every device" dsmilctl status
exits 3 "status knows no device that there is not" dsmilctl status 0x9009
exits 4 "a user without rights sees no status" as_guest dsmilctl status
is 0 "$(lab journal --since "$mark" | grep -c .)" "the firmware was not asked"
exits 0 "the devices are listed" dsmilctl list --json
is 108 "$(grep -o '"id": *"0x80' /tmp/out | wc -l)" "and are 108"
exits 0 "seven of them are quarantined" dsmilctl list --risk quarantined --json
is 7 "$(grep -o '"id": *"0x80' /tmp/out | wc -l)" "and are seven"
exits 0 "anybody may know it" as_guest dsmilctl quarantine list
says '0x8009' "by id"
exits 0 "info knows the firmware" dsmilctl info
says 'dell' "and names it"
finish
