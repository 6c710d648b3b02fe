#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Any kernel: the self tests over both firmwares.
cd /lab/source/tests/vm || exit 1
lab tap kselftest-dell ./kselftest.sh
lab unload && lab load sim
lab tap kselftest-sim ./kselftest.sh
exit 0
