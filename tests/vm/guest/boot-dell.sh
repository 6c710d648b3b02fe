#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Newest kernel, full board, TPM. A failed suite does not stop the next.
cd /lab/source/tests/vm || exit 1

lab tap kselftest-dell ./kselftest.sh
lab unload && lab load dell
lab tap netlink python3 netlink_client.py /lab/source/tools/catalog/devices.csv /lab/tables
lab tap ynl python3 ynl_client.py /lab/ynl /lab/source/docs/netlink/dsmil.yaml

# A ring without a reader fills up; a fresh one has room for every attempt.
lab unload && lab load dell
lab mark doors
lab tap doors python3 every_door.py /tmp/doors.json
lab mark doors-end
lab put /tmp/doors.json

lab unload && lab load dell
lab tap cli ./cli.sh
lab unload && lab load dell
lab tap grants ./grants.sh
lab unload && lab load dell
lab tap grants-daemon ./grants_daemon.sh
lab tap daemon ./daemon.sh
lab tap kill ./kill.sh
lab tap full-disk ./full_disk.sh
lab tap vanish ./vanish.sh

lab unload
lab load sim
lab tap kselftest-sim ./kselftest.sh
lab unload
lab tap no-module ./no_module.sh

lab load dell
lab mark bypass
python3 bypass.py
exit 0
