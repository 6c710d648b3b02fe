#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Dell's driver loses its way to the firmware; then it is one that nobody tested.
cd /lab/source/tests/vm || exit 1
lab tap backend ./backend.sh
lab tap read-only ./read_only.sh
exit 0
