# SPDX-License-Identifier: GPL-2.0-only
# The kernels that it is built for; docs/compatibility.md says which were booted.
DSMIL_KERNEL_MIN := 6.1
DSMIL_KERNEL_MAX := 7.3
