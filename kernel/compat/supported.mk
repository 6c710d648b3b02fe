# SPDX-License-Identifier: GPL-2.0-only
# The kernels that the tests build and boot (docs/compatibility.md).
DSMIL_KERNEL_MIN := 6.1
DSMIL_KERNEL_MAX := 7.3
