/* SPDX-License-Identifier: GPL-2.0-only */
/* Generated from tools/abi by tools/abi/generate.py. Do not edit. */
#ifndef DSMIL_ABI_GEN_H
#define DSMIL_ABI_GEN_H

#include <linux/build_bug.h>
#include <linux/dsmil.h>

/* Bytes of each command's struct as it was first published: less is -EINVAL. */
#define DSMIL_INFO_FIRST 168
#define DSMIL_DEVICE_GET_FIRST 148
#define DSMIL_DEVICE_LIST_FIRST 32
#define DSMIL_EVENT_RING_FIRST 16
#define DSMIL_RING_ADVANCE_FIRST 16
#define DSMIL_QUARANTINE_ADD_FIRST 8
#define DSMIL_GRANT_KEY_ADD_FIRST 136
#define DSMIL_GRANT_KEY_SEAL_FIRST 8
#define DSMIL_REG_BATCH_FIRST 40
#define DSMIL_REG_READ_FIRST 24
#define DSMIL_REG_WRITE_FIRST 48

/* As the description lays them out. */
static_assert(sizeof(struct dsmil_grant_body) == 128);
static_assert(sizeof(struct dsmil_grant_signature) == 80);
static_assert(sizeof(struct dsmil_info) == 208);
static_assert(sizeof(struct dsmil_device) == 148);
static_assert(sizeof(struct dsmil_device_list) == 32);
static_assert(sizeof(struct dsmil_event_ring) == 24);
static_assert(sizeof(struct dsmil_ring_advance) == 16);
static_assert(sizeof(struct dsmil_ring_page) == 64);
static_assert(sizeof(struct dsmil_quarantine_add) == 8);
static_assert(sizeof(struct dsmil_grant_key_add) == 136);
static_assert(sizeof(struct dsmil_grant_key_seal) == 8);
static_assert(sizeof(struct dsmil_batch_operation) == 32);
static_assert(sizeof(struct dsmil_reg_batch) == 40);
static_assert(sizeof(struct dsmil_status_register) == 16);
static_assert(sizeof(struct dsmil_status_device) == 64);
static_assert(sizeof(struct dsmil_status_page) == 6976);
static_assert(sizeof(struct dsmil_reg_read) == 24);
static_assert(sizeof(struct dsmil_reg_write) == 48);
static_assert(sizeof(struct dsmil_event_operation) == 12);
static_assert(sizeof(struct dsmil_event) == 192);

#endif /* DSMIL_ABI_GEN_H */
