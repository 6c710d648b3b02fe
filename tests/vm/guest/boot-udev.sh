#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Nodes, groups and links as an installed system has them.
cd /lab/source/tests/vm || exit 1
lab tap udev ./udev.sh
lab tap modprobe ./modprobe.sh
exit 0
