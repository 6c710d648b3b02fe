#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian's kernel, started by a firmware with Secure Boot on.
cd /lab/source/tests/vm || exit 1
lab tap secure-boot ./secure_boot.sh
exit 0
