#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The oldest kernel that we support.
cd /lab/source/tests/vm || exit 1
lab tap kselftest-dell ./kselftest.sh
lab unload && lab load dell
lab tap cli ./cli.sh
lab tap daemon ./daemon.sh
lab unload
lab load sim
lab tap kselftest-sim ./kselftest.sh
exit 0
