# SPDX-License-Identifier: GPL-2.0-only
# Early refusal: one sentence in place of a page of compiler errors.
include $(src)/compat/supported.mk

# 6.12 as 6012, so that numbers compare.
dsmil-number = $(shell echo '$(1)' | awk -F. '{ printf "%d%03d", $$1, $$2 }')
dsmil-this := $(call dsmil-number,$(VERSION).$(PATCHLEVEL))

ifneq ($(VERSION),)
ifeq ($(shell test $(dsmil-this) -ge $(call dsmil-number,$(DSMIL_KERNEL_MIN)) && echo y),)
$(error dsmil: kernel $(KERNELRELEASE) is too old; dsmil needs $(DSMIL_KERNEL_MIN) or newer: install the packages linux-image-amd64 and linux-headers-amd64 of Debian 12 or newer)
endif
ifeq ($(shell test $(dsmil-this) -le $(call dsmil-number,$(DSMIL_KERNEL_MAX)) && echo y)$(DSMIL_UNTESTED_KERNEL),)
$(error dsmil: kernel $(KERNELRELEASE) is newer than $(DSMIL_KERNEL_MAX), the newest that this release knows: install a newer package dsmil-dkms, or build with DSMIL_UNTESTED_KERNEL=y)
endif
endif
