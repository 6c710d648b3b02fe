#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A machine without a TPM: the ledger goes on, attestation says what is missing.
# shellcheck source=/dev/null
. ./tap.sh
start_daemon
ok $? "the daemon starts without a TPM"
exits 0 "health is answered" api /v1/health
says '"tpm": *"missing"' "and says that the TPM is missing"
exits 5 "attest is unavailable" dsmilctl attest
says 'TPM' "and names the TPM"
exits 8 "a refused write is made" dsmilctl write 0x8009 CONFIG 9
in_ledger() { dsmilctl audit tail -n 1000 --json | grep -qi '0x0*8009.*refused'; }
await 20 in_ledger
ok $? "the ledger has it"
stop_daemon
is 0 "$STOPPED" "SIGTERM ends the daemon in order"
finish
