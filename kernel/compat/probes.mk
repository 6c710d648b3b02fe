# SPDX-License-Identifier: GPL-2.0-only
# What this kernel's headers offer, looked up rather than guessed from version
# numbers: distributions carry newer interfaces back.

dsmil-has = $(shell grep -q '$(2)' $(srctree)/include/$(1) && echo y)

# 6.3: callbacks of struct device_type take a const device.
ccflags-$(call dsmil-has,linux/device.h,uevent..const struct device) += -DDSMIL_HAVE_CONST_DEVICE
# 6.2: an operation of its own for a dump.
ccflags-$(call dsmil-has,net/genetlink.h,^struct genl_split_ops {) += -DDSMIL_HAVE_GENL_SPLIT_OPS
# 6.3: vm_flags are changed through functions.
ccflags-$(call dsmil-has,linux/mm.h,vm_flags_clear) += -DDSMIL_HAVE_VM_FLAGS_CLEAR
