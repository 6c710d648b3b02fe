#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The oldest kernel that we support.
cd /lab/source/tests/vm || exit 1
lab tap kselftest-dell ./kselftest.sh
lab unload && lab load dell
lab tap netlink python3 netlink_client.py /lab/source/tools/catalog/devices.csv /lab/tables
lab tap ynl python3 ynl_client.py /lab/ynl /lab/source/docs/netlink/dsmil.yaml
lab unload && lab load dell
lab tap cli ./cli.sh
lab unload && lab load dell
lab tap grants ./grants.sh
lab tap daemon ./daemon.sh
lab unload
lab load sim
lab tap kselftest-sim ./kselftest.sh
exit 0
