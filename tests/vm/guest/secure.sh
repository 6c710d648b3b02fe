# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the suites under Secure Boot share. Sourced.
# shellcheck disable=SC2034 # the suites use what is set here

installed=/lib/modules/$(uname -r)
efivars=/sys/firmware/efi/efivars
# The real kmod, which names the error and reads signatures: busybox has its own, and the
# shell takes that one unless it is told where.
for name in insmod modinfo modprobe; do ln -sf kmod "/usr/bin/$name"; done
mount -t securityfs security /sys/kernel/security
modprobe efivarfs && mount -t efivarfs efivarfs "$efivars"

doctor() {
	dsmilctl doctor | grep -A 1 secure-boot
}
