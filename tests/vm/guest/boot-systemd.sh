#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Our units under a real systemd.
cd /lab/source/tests/vm || exit 1
lab tap systemd ./systemd.sh
exit 0
