#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For tests/package, which has the modules.
cd /lab/source/tests/vm || exit 1
lab tap dkms ./dkms.sh
exit 0
