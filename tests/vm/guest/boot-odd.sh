#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A board without device 107, whose firmware fails two reads; no TPM.
cd /lab/source/tests/vm || exit 1
lab tap kselftest-dell ./kselftest.sh odd
lab unload && lab load sim absent=107
lab tap kselftest-sim ./kselftest.sh odd
lab unload && lab load dell
lab tap odd ./odd.sh
lab tap netlink python3 netlink_client.py /lab/source/tools/catalog/devices.csv /lab/tables
lab tap no-tpm ./no_tpm.sh
exit 0
