/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/*
 * The generic netlink family "dsmil", version 1, in the initial network
 * namespace. It describes and notifies; it never reads or writes a register.
 * docs/netlink/dsmil.yaml is the same for YNL clients.
 *
 * DSMIL_CMD_INFO_GET (do, no privilege)
 * -------------------------------------
 * Request: no attribute. Answer, DSMIL_A_INFO_*:
 *   API_VERSION, EVENT_SCHEMA_VERSION  u32
 *   FIRMWARE_KIND                      u32, enum dsmil_firmware_kind
 *   FIRMWARE_NAME                      string, empty without firmware
 *   MODULE_VERSION                     string
 *   LOAD_ID                            binary, 16 bytes
 *   LOADED_NS                          u64, CLOCK_BOOTTIME
 *   DEVICE_COUNT, PRESENT_COUNT        u32
 *   RISK_COUNT                         u32, five times: devices of each enum dsmil_risk
 *   READS, WRITES, REFUSED, FIRMWARE_ERRORS  u64
 *   AUDIT_HEAD, AUDIT_TAIL, AUDIT_GAPS u64
 *   AUDIT_CAPACITY, AUDIT_READER       u32
 *
 * DSMIL_CMD_DEVICE_GET (do and dump, no privilege)
 * ------------------------------------------------
 * Request of a do: DSMIL_A_DEVICE_ID or DSMIL_A_DEVICE_NUMBER, one of them. A
 * dump takes no attribute and answers one message for each of the 108 devices;
 * if firmware or board changed meanwhile, the message after the change carries
 * NLM_F_DUMP_INTR and the dump should be repeated. -ENODEV without firmware.
 * Answer, DSMIL_A_DEVICE_*:
 *   ID, NUMBER, TOKEN_BASE, GROUP      u32
 *   NAME, GROUP_NAME                   string
 *   RISK                               u32, enum dsmil_risk
 *   PRESENT                            u32, 0 or 1
 *   LAYER                              u32, 0 if no service device is bound
 *   LAYER_NAME, SERVICE_NAME           string, absent if no service device is bound
 *   CLEARANCE                          u32
 *   REGISTER_RISK                      u32, three times: STATUS, CONFIG, DATA
 *   REGISTER_REASON                    u32, three times: enum dsmil_reason
 *
 * DSMIL_CMD_EVENT (notification to the group "events")
 * ----------------------------------------------------
 * Joining the group needs CAP_SYS_ADMIN. One message for each record of the
 * audit ring, in the order of their sequences but for gap records; a listener
 * that is too slow loses messages (ENOBUFS), which are in the ring all the same.
 * DSMIL_A_EVENT_*: the fields of struct dsmil_event of <linux/dsmil.h>, integers
 * of up to 32 bits as u32, RESULT as s32, LOAD_ID as 16 bytes, COMM as a string.
 *
 * Every refused request carries a text (extack) that says why; a refused dump
 * only where the kernel can (6.6 and newer).
 */
#ifndef _UAPI_LINUX_DSMIL_NETLINK_H
#define _UAPI_LINUX_DSMIL_NETLINK_H

#define DSMIL_GENL_NAME "dsmil"
#define DSMIL_GENL_VERSION 1
#define DSMIL_GENL_EVENTS "events"

enum dsmil_genl_command {
	DSMIL_CMD_INFO_GET = 1,
	DSMIL_CMD_DEVICE_GET = 2,
	DSMIL_CMD_EVENT = 3,
};

enum dsmil_genl_info {
	DSMIL_A_INFO_PAD = 1,
	DSMIL_A_INFO_API_VERSION = 2,
	DSMIL_A_INFO_EVENT_SCHEMA_VERSION = 3,
	DSMIL_A_INFO_FIRMWARE_KIND = 4,
	DSMIL_A_INFO_FIRMWARE_NAME = 5,
	DSMIL_A_INFO_MODULE_VERSION = 6,
	DSMIL_A_INFO_LOAD_ID = 7,
	DSMIL_A_INFO_LOADED_NS = 8,
	DSMIL_A_INFO_DEVICE_COUNT = 9,
	DSMIL_A_INFO_PRESENT_COUNT = 10,
	DSMIL_A_INFO_RISK_COUNT = 11,
	DSMIL_A_INFO_READS = 12,
	DSMIL_A_INFO_WRITES = 13,
	DSMIL_A_INFO_REFUSED = 14,
	DSMIL_A_INFO_FIRMWARE_ERRORS = 15,
	DSMIL_A_INFO_AUDIT_HEAD = 16,
	DSMIL_A_INFO_AUDIT_TAIL = 17,
	DSMIL_A_INFO_AUDIT_GAPS = 18,
	DSMIL_A_INFO_AUDIT_CAPACITY = 19,
	DSMIL_A_INFO_AUDIT_READER = 20,
};

enum dsmil_genl_device {
	DSMIL_A_DEVICE_ID = 1,
	DSMIL_A_DEVICE_NUMBER = 2,
	DSMIL_A_DEVICE_TOKEN_BASE = 3,
	DSMIL_A_DEVICE_NAME = 4,
	DSMIL_A_DEVICE_GROUP = 5,
	DSMIL_A_DEVICE_GROUP_NAME = 6,
	DSMIL_A_DEVICE_RISK = 7,
	DSMIL_A_DEVICE_PRESENT = 8,
	DSMIL_A_DEVICE_LAYER = 9,
	DSMIL_A_DEVICE_LAYER_NAME = 10,
	DSMIL_A_DEVICE_SERVICE_NAME = 11,
	DSMIL_A_DEVICE_CLEARANCE = 12,
	DSMIL_A_DEVICE_REGISTER_RISK = 13,
	DSMIL_A_DEVICE_REGISTER_REASON = 14,
};

enum dsmil_genl_event {
	DSMIL_A_EVENT_PAD = 1,
	DSMIL_A_EVENT_TYPE = 2,
	DSMIL_A_EVENT_DEVICE_ID = 3,
	DSMIL_A_EVENT_SEQUENCE = 4,
	DSMIL_A_EVENT_BOOTTIME_NS = 5,
	DSMIL_A_EVENT_REALTIME_NS = 6,
	DSMIL_A_EVENT_LOAD_ID = 7,
	DSMIL_A_EVENT_TOKEN = 8,
	DSMIL_A_EVENT_RULE_TOKEN = 9,
	DSMIL_A_EVENT_REG = 10,
	DSMIL_A_EVENT_RISK = 11,
	DSMIL_A_EVENT_REASON = 12,
	DSMIL_A_EVENT_FIRMWARE_KIND = 13,
	DSMIL_A_EVENT_VALUE = 14,
	DSMIL_A_EVENT_RESULT = 15,
	DSMIL_A_EVENT_COUNT = 16,
	DSMIL_A_EVENT_FIRST_NS = 17,
	DSMIL_A_EVENT_UID = 18,
	DSMIL_A_EVENT_PID = 19,
	DSMIL_A_EVENT_COMM = 20,
	DSMIL_A_EVENT_CGROUP_ID = 21,
};

#endif /* _UAPI_LINUX_DSMIL_NETLINK_H */
