/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differences between the kernels that we support, and the only place for
 * them: the rest reads as if there were one kernel. What a kernel has is found
 * by compiling probes/, never by its version number.
 */
#ifndef DSMIL_COMPAT_H
#define DSMIL_COMPAT_H

#include <linux/device.h>
#include <linux/mm.h>
#include <net/genetlink.h>

#include "dsmil_probes.h"

#ifdef DSMIL_HAVE_CONST_DEVICE
#define dsmil_const_device const struct device
#else
#define dsmil_const_device struct device
#endif

#ifdef DSMIL_HAVE_CONST_BUS
#define dsmil_const_bus const struct bus_type
#else
#define dsmil_const_bus typeof(*((struct device *)NULL)->bus)
#endif

/* Const since 6.9. */
#define dsmil_bus_type typeof(*((struct device *)NULL)->bus)

#ifndef DSMIL_HAVE_VM_FLAGS_CLEAR
static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* Fields of struct public_key_signature. */
#ifdef DSMIL_HAVE_SIGNATURE_M
#define dsmil_signature_digest m
#define dsmil_signature_digest_size m_size
#else
#define dsmil_signature_digest digest
#define dsmil_signature_digest_size digest_size
#endif

/* Without SYS_ADMIN groups (before 6.1.68 and 6.6.7), NET_ADMIN is the closest. */
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define DSMIL_MCAST_FLAGS GENL_MCAST_CAP_SYS_ADMIN
#else
#define DSMIL_MCAST_FLAGS GENL_UNS_ADMIN_PERM
#endif

#endif /* DSMIL_COMPAT_H */
