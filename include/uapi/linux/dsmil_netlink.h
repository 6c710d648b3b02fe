/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/* Generated from tools/abi by tools/abi/generate.py. Do not edit. */
/*
 * The generic netlink family "dsmil", version 1, in the initial network namespace.
 * docs/netlink/dsmil.yaml is the same for YNL clients.
 *
 * The firmware devices of the platform: what the module and its firmware are, the
 * devices, the last known values of their registers, what is quarantined, whose grants
 * count, and a notification for each record of the audit ring. It describes and
 * notifies; it calls no firmware and changes nothing. Every refused request carries a
 * text (extack) that says why; a dump that does not start has one on kernels from 6.6
 * on. A dump during which what it lists changed is flagged with NLM_F_DUMP_INTR and
 * should be repeated.
 *
 * DSMIL_CMD_INFO_GET (do)
 * -----------------------
 * The module and its firmware. Needs no privilege.
 * Request of a do: no attribute.
 * Answer, DSMIL_A_INFO_*:
 *   API_VERSION  u32
 *   EVENT_SCHEMA_VERSION  u32
 *   FIRMWARE_KIND  u32, enum dsmil_firmware_kind
 *   FIRMWARE_NAME  string: Empty without firmware
 *   MODULE_VERSION  string
 *   LOAD_ID  binary, 16 bytes: Random, made when the module was loaded
 *   LOADED_NS  u64: CLOCK_BOOTTIME of the load
 *   DEVICE_COUNT  u32
 *   PRESENT_COUNT  u32: Devices with all three registers on this board
 *   RISK_COUNT  u32, repeated: Five times: devices of each risk, from safe on
 *   READS  u64: Register reads that reached the firmware
 *   WRITES  u64: Register writes that reached the firmware
 *   REFUSED  u64: Writes that the guard refused
 *   FIRMWARE_ERRORS  u64: Operations that the firmware answered with an error
 *   AUDIT_HEAD  u64: Sequence of the next record
 *   AUDIT_TAIL  u64: Sequence up to which the reader has acknowledged
 *   AUDIT_GAPS  u64: Events that are only counted in gap records
 *   AUDIT_CAPACITY  u32: In records
 *   AUDIT_READER  u32: 1 while the audit ring is open
 *   QUARANTINE_ADDED  u32: Devices that user space added
 *   GRANTS_SUPPORTED  u32: 1 if this kernel can check a grant's signature
 *   GRANT_KEYS  u32: Enrolled
 *   GRANT_KEYS_SEALED  u32: 1 once the list is closed
 *   GRANT_NONCES  u32: Used of 4096
 *   OBSERVERS  u32: Observation rings that are open
 *   FIRMWARE_READ_ONLY  u32: 1 if the firmware module takes no writes
 *   AUDIT_REFUSED  u64: Writes, batches and enrolments that were not begun because the
 *     audit ring was full
 *
 * DSMIL_CMD_DEVICE_GET (do and dump)
 * ----------------------------------
 * A device, by its id or its number, one of them; dumped, all 108. Needs no privilege.
 * ENODEV without firmware.
 * Request of a do: DSMIL_A_DEVICE_ID, DSMIL_A_DEVICE_NUMBER. A dump takes none.
 * Answer, DSMIL_A_DEVICE_*:
 *   ID  u32: 0x8000 to 0x806b
 *   NUMBER  u32
 *   TOKEN_BASE  u32: The token of the STATUS register
 *   NAME  string
 *   GROUP  u32
 *   GROUP_NAME  string
 *   RISK  u32, enum dsmil_risk: Of the device itself
 *   PRESENT  u32: 1 if this board has the device's three registers
 *   LAYER  u32: 2 to 9; 0 if no service device is bound
 *   LAYER_NAME  string: Absent if no service device is bound
 *   SERVICE_NAME  string: Absent if no service device is bound
 *   CLEARANCE  u32
 *   REGISTER_RISK  u32, enum dsmil_risk, repeated: Three times, STATUS CONFIG DATA,
 *     aliases included
 *   REGISTER_REASON  u32, enum dsmil_reason, repeated: Three times, for a caller with
 *     CAP_SYS_RAWIO and no grant
 *
 * DSMIL_CMD_EVENT (notification)
 * ------------------------------
 * A record of the audit ring, the fields of struct dsmil_event, in the order of their
 * sequences but for gap records. A listener that is too slow loses messages (ENOBUFS),
 * which are in the ring all the same. The group events has all of them; security those
 * that somebody should look at: refusals, also within a batch, quarantine additions,
 * key enrolments, the seal, and gaps. Joining either needs CAP_SYS_ADMIN.
 * Answer, DSMIL_A_EVENT_*:
 *   TYPE  u32, enum dsmil_event_type
 *   DEVICE_ID  u32: Or 0xffff if it is not about one device
 *   SEQUENCE  u64
 *   BOOTTIME_NS  u64
 *   REALTIME_NS  u64
 *   LOAD_ID  binary, 16 bytes
 *   TOKEN  u32
 *   RULE_TOKEN  u32: The token whose rule decided
 *   REG  u32, enum dsmil_register
 *   RISK  u32, enum dsmil_risk: Of the rule token
 *   REASON  u32, enum dsmil_reason
 *   FIRMWARE_KIND  u32, enum dsmil_firmware_kind
 *   VALUE  u32: Read, or asked for
 *   RESULT  s32: 0 or -errno
 *   COUNT  u64: Of a gap, how many records it stands for
 *   FIRST_NS  u64: Of a gap, CLOCK_BOOTTIME of the first of them
 *   UID  u32
 *   PID  u32
 *   COMM  string
 *   CGROUP_ID  u64
 *   DETAIL  binary, 80 bytes: Of struct dsmil_event; absent where its type has none
 *
 * DSMIL_CMD_REGISTER_GET (do and dump)
 * ------------------------------------
 * What the status page knows of a register, by its token; dumped, all 324. The value is
 * of the last access by anybody or the poller, with its time: netlink never asks the
 * firmware, because who may do that is a matter of the device's own node. Needs
 * CAP_SYS_ADMIN (EPERM). ENODEV without firmware.
 * Request of a do: DSMIL_A_REGISTER_TOKEN. A dump takes none.
 * Answer, DSMIL_A_REGISTER_*:
 *   TOKEN  u32: 0x8000 to 0x8143
 *   DEVICE_ID  u32
 *   REG  u32, enum dsmil_register
 *   PRESENT  u32: 1 if this board has it
 *   RISK  u32, enum dsmil_risk: The strictest reading of the token, aliases included
 *   REASON  u32, enum dsmil_reason: For a caller with CAP_SYS_RAWIO and no grant
 *   TIME_NS  u64: CLOCK_BOOTTIME of the last access; this and what follows are absent
 *     before it
 *   RESULT  s32: Of the last access: 0 or -errno
 *   VALUE  u32: Of the last good access; absent before it
 *
 * DSMIL_CMD_QUARANTINE_GET (do and dump)
 * --------------------------------------
 * Whether a device is quarantined, and by whom; dumped, those that are. Needs no
 * privilege and no firmware.
 * Request of a do: DSMIL_A_QUARANTINE_DEVICE_ID. A dump takes none.
 * Answer, DSMIL_A_QUARANTINE_*:
 *   DEVICE_ID  u32: 0x8000 to 0x806b
 *   NAME  string
 *   QUARANTINED  u32: 1 if it is never written
 *   ADDED  u32: 1 if user space added it; 0 if it is compiled in or not quarantined
 *
 * DSMIL_CMD_GRANT_KEY_GET (do and dump)
 * -------------------------------------
 * An enrolled key, by its id (ENOENT if it is none); dumped, all of them. Needs no
 * privilege and no firmware.
 * Request of a do: DSMIL_A_GRANT_KEY_ID. A dump takes none.
 * Answer, DSMIL_A_GRANT_KEY_*:
 *   ID  binary, 32 bytes: SHA-256 of the point: 0x04, X, Y
 *   OWNER  string
 *
 * DSMIL_CMD_STATISTICS_GET (do and dump)
 * --------------------------------------
 * What was done since the module was loaded: of one device, or without an id the
 * totals; dumped, one message a device. Needs no privilege and no firmware.
 * Request of a do: DSMIL_A_STATISTICS_DEVICE_ID. A dump takes none.
 * Answer, DSMIL_A_STATISTICS_*:
 *   DEVICE_ID  u32: Absent in the totals of all devices
 *   READS  u64: Register reads that reached the firmware
 *   WRITES  u64: Register writes that reached the firmware
 *   REFUSED  u64: Writes that the guard refused
 *   FIRMWARE_ERRORS  u64: Operations that the firmware answered with an error
 */
#ifndef _UAPI_LINUX_DSMIL_NETLINK_H
#define _UAPI_LINUX_DSMIL_NETLINK_H

#define DSMIL_GENL_NAME "dsmil"
#define DSMIL_GENL_VERSION 1
#define DSMIL_GENL_EVENTS "events"
#define DSMIL_GENL_SECURITY "security"

enum dsmil_genl_command {
	DSMIL_CMD_INFO_GET = 1,
	DSMIL_CMD_DEVICE_GET = 2,
	DSMIL_CMD_EVENT = 3,
	DSMIL_CMD_REGISTER_GET = 4,
	DSMIL_CMD_QUARANTINE_GET = 5,
	DSMIL_CMD_GRANT_KEY_GET = 6,
	DSMIL_CMD_STATISTICS_GET = 7,
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
	DSMIL_A_INFO_QUARANTINE_ADDED = 21,
	DSMIL_A_INFO_GRANTS_SUPPORTED = 22,
	DSMIL_A_INFO_GRANT_KEYS = 23,
	DSMIL_A_INFO_GRANT_KEYS_SEALED = 24,
	DSMIL_A_INFO_GRANT_NONCES = 25,
	DSMIL_A_INFO_OBSERVERS = 26,
	DSMIL_A_INFO_FIRMWARE_READ_ONLY = 27,
	DSMIL_A_INFO_AUDIT_REFUSED = 28,
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
	DSMIL_A_EVENT_DETAIL = 22,
};

enum dsmil_genl_register {
	DSMIL_A_REGISTER_PAD = 1,
	DSMIL_A_REGISTER_TOKEN = 2,
	DSMIL_A_REGISTER_DEVICE_ID = 3,
	DSMIL_A_REGISTER_REG = 4,
	DSMIL_A_REGISTER_PRESENT = 5,
	DSMIL_A_REGISTER_RISK = 6,
	DSMIL_A_REGISTER_REASON = 7,
	DSMIL_A_REGISTER_TIME_NS = 8,
	DSMIL_A_REGISTER_RESULT = 9,
	DSMIL_A_REGISTER_VALUE = 10,
};

enum dsmil_genl_quarantine {
	DSMIL_A_QUARANTINE_DEVICE_ID = 1,
	DSMIL_A_QUARANTINE_NAME = 2,
	DSMIL_A_QUARANTINE_QUARANTINED = 3,
	DSMIL_A_QUARANTINE_ADDED = 4,
};

enum dsmil_genl_grant_key {
	DSMIL_A_GRANT_KEY_ID = 1,
	DSMIL_A_GRANT_KEY_OWNER = 2,
};

enum dsmil_genl_statistics {
	DSMIL_A_STATISTICS_PAD = 1,
	DSMIL_A_STATISTICS_DEVICE_ID = 2,
	DSMIL_A_STATISTICS_READS = 3,
	DSMIL_A_STATISTICS_WRITES = 4,
	DSMIL_A_STATISTICS_REFUSED = 5,
	DSMIL_A_STATISTICS_FIRMWARE_ERRORS = 6,
};

#endif /* _UAPI_LINUX_DSMIL_NETLINK_H */
