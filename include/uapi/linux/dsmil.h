/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/*
 * The kernel's contract with user space: character devices, ioctls, events.
 *
 * Nodes
 * -----
 *   /dev/dsmil/ctl            metadata, administration, batches and the status page;
 *                             registers only through descriptors of the nodes below
 *   /dev/dsmil/8000 .. 806b   one a device: its registers, and nothing else
 * Who may open a node may read the device; a write is decided by the guard, on
 * a descriptor that was opened for writing.
 *
 * Structs
 * -------
 * Each starts with __u32 size, which the caller sets to sizeof of the struct
 * that it was compiled with. A larger struct is accepted as long as what the
 * kernel does not know is zero (-E2BIG otherwise, and size then says what the
 * kernel knows); a shorter one down to the first published layout is filled as
 * far as it goes (-EINVAL below that). Reserved fields and unknown flags must
 * be zero (-EINVAL). There is no implicit padding and 32-bit callers see the
 * same layout. An unknown command is -ENOTTY.
 *
 * Errors that every command may give: -EFAULT (bad pointer), -EINVAL, -E2BIG,
 * -ENODEV (there is no firmware, it is not the one that the descriptor was
 * opened with, there is no such id, or this board lacks the register).
 */
#ifndef _UAPI_LINUX_DSMIL_H
#define _UAPI_LINUX_DSMIL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Bumped when commands or structs change; readable through DSMIL_IOC_INFO. */
#define DSMIL_API_VERSION 4
/* Bumped when the meaning or layout of struct dsmil_event changes. */
#define DSMIL_EVENT_SCHEMA_VERSION 4

#define DSMIL_DEVICE_COUNT 108
#define DSMIL_REGISTER_COUNT 3
#define DSMIL_DEVICE_ID_BASE 0x8000 /* ids 0x8000 .. 0x806B */
#define DSMIL_TOKEN_BASE 0x8000	    /* tokens 0x8000 .. 0x8143 */
#define DSMIL_TOKEN_COUNT (DSMIL_DEVICE_COUNT * DSMIL_REGISTER_COUNT)
#define DSMIL_NO_DEVICE 0xFFFF /* in dsmil_event.device_id: not about one device */

enum dsmil_register {
	DSMIL_REG_STATUS = 0,
	DSMIL_REG_CONFIG = 1,
	DSMIL_REG_DATA = 2,
};

/* Ordered: the larger is the stricter. */
enum dsmil_risk {
	DSMIL_RISK_SAFE = 0,	    /* a write needs CAP_SYS_RAWIO or a grant */
	DSMIL_RISK_MONITORED = 1,   /* a write needs a grant */
	DSMIL_RISK_GUARDED = 2,	    /* a write needs a grant with two signers */
	DSMIL_RISK_LOCKED = 3,	    /* never written */
	DSMIL_RISK_QUARANTINED = 4, /* never written */
};

enum dsmil_firmware_kind {
	DSMIL_FIRMWARE_NONE = 0, /* no firmware module is loaded */
	DSMIL_FIRMWARE_DELL = 1,
	DSMIL_FIRMWARE_SIM = 2,
};

/* Why the guard decided as it did. Numbers never change their meaning. */
enum dsmil_reason {
	DSMIL_REASON_ALLOWED = 0,
	DSMIL_REASON_QUARANTINED = 1,	       /* the token's own device, or the added list */
	DSMIL_REASON_QUARANTINED_AS_ID = 2,    /* as a device id, its number is restricted */
	DSMIL_REASON_ALIAS = 3,		       /* a stricter or unknown token shares its location */
	DSMIL_REASON_LOCKED = 4,	       /* read-only by design */
	DSMIL_REASON_LOCATION_UNKNOWN = 5,     /* the firmware names no location, or changed it */
	DSMIL_REASON_GRANT_REQUIRED = 6,       /* monitored or guarded, and no grant was given */
	DSMIL_REASON_CAPABILITY_REQUIRED = 7,  /* safe, but the caller lacks CAP_SYS_RAWIO */
	DSMIL_REASON_NOT_A_REGISTER = 8,       /* the token is outside the range */
	/* The grant that was given does not open this write: */
	DSMIL_REASON_GRANT_MALFORMED = 9,      /* length, version, flags or signer count */
	DSMIL_REASON_GRANT_UNSUPPORTED = 10,   /* this kernel cannot check ECDSA signatures */
	DSMIL_REASON_GRANT_KEY_UNKNOWN = 11,   /* a signer is not enrolled */
	DSMIL_REASON_GRANT_BAD_SIGNATURE = 12, /* of any of its signers */
	DSMIL_REASON_GRANT_SIGNERS = 13,       /* one signer or one owner where two are needed */
	DSMIL_REASON_GRANT_EXPIRED = 14,
	DSMIL_REASON_GRANT_TOO_LONG = 15,      /* lives longer than DSMIL_GRANT_LIFE_MAX_S */
	DSMIL_REASON_GRANT_OTHER_LOAD = 16,    /* made for another load of the module */
	DSMIL_REASON_GRANT_OTHER_FIRMWARE = 17,
	DSMIL_REASON_GRANT_OTHER_REGISTER = 18, /* another device or register */
	DSMIL_REASON_GRANT_OTHER_USER = 19,
	DSMIL_REASON_GRANT_VALUE = 20,	       /* the value differs within the mask */
	DSMIL_REASON_GRANT_OLD_VALUE = 21,     /* the register does not hold the expected value */
	DSMIL_REASON_GRANT_REPLAYED = 22,      /* its nonce was used before */
	DSMIL_REASON_GRANT_STORE_FULL = 23,    /* no more nonces can be kept in this load */
	DSMIL_REASON_READ_ONLY = 24,	       /* the firmware module takes no writes; see dmesg */
	/* a signature could not be checked, for want of memory for example: try again */
	DSMIL_REASON_GRANT_UNCHECKED = 25,
};

/* ---------------------------------------------------------------- grants -- */

/*
 * A grant: a signed, short-lived, single-use permission for one write. All
 * numbers are little-endian. On the wire: the body, then one signature for each
 * of its signers. What is signed with ECDSA P-256 and SHA-256 is the prefix
 * "dsmil-grant-v1" with its terminating NUL (15 bytes), then the body.
 */
#define DSMIL_GRANT_PREFIX "dsmil-grant-v1"
#define DSMIL_GRANT_LIFE_MAX_S 300
#define DSMIL_GRANT_SIGNERS_MAX 2
#define DSMIL_GRANT_NONCES_MAX 4096 /* that one load of the module keeps */
#define DSMIL_GRANT_EXPECT_OLD 0x01 /* in flags: old_value counts */

struct dsmil_grant_body {
	__u8 load_id[16]; /* of struct dsmil_info */
	__u8 nonce[16];	  /* random */
	__u8 signer[DSMIL_GRANT_SIGNERS_MAX][32]; /* key ids; zero beyond signer_count */
	__le64 expires_boottime_ns; /* CLOCK_BOOTTIME */
	__le32 value;
	__le32 mask;	  /* the write is allowed if ((new ^ value) & mask) == 0 */
	__le32 old_value; /* what the register must hold, with DSMIL_GRANT_EXPECT_OLD; else zero */
	__le32 uid;	  /* effective uid of the writer in the initial user namespace */
	__le16 device_id;
	__u8 reg;	    /* enum dsmil_register */
	__u8 firmware_kind; /* enum dsmil_firmware_kind */
	__u8 flags;
	__u8 signer_count; /* 1 or 2 */
	__u8 reserved[2];  /* zero */
};

/* A DER Ecdsa-Sig-Value (RFC 3279, 2.2.3), zero beyond length. */
struct dsmil_grant_signature {
	__le16 length; /* 8 .. 72 */
	__u8 der[78];
};

#define DSMIL_GRANT_BYTES(signers) \
	(sizeof(struct dsmil_grant_body) + (signers) * sizeof(struct dsmil_grant_signature))

/* ------------------------------------------------------------------ ctl -- */

/* DSMIL_IOC_INFO: the module and its firmware. */
struct dsmil_info {
	__u32 size;
	__u32 api_version;
	__u32 event_schema_version;
	__u32 firmware_kind; /* enum dsmil_firmware_kind */
	__u32 device_count;  /* DSMIL_DEVICE_COUNT */
	__u32 present_count; /* devices with all three registers on this board */
	__u32 risk_count[5]; /* devices by enum dsmil_risk */
	__u32 reserved;	     /* zero */
	__u8 load_id[16];    /* random, made when the module was loaded */
	__u64 loaded_ns;     /* CLOCK_BOOTTIME of the load */
	__u64 reads;	     /* register reads that reached the firmware */
	__u64 writes;	     /* register writes that reached the firmware */
	__u64 refused;	     /* writes that the guard refused */
	__u64 firmware_errors;
	__u64 audit_head;     /* sequence of the next record */
	__u64 audit_tail;     /* sequence up to which the reader has advanced */
	__u64 audit_gaps;     /* reads and refusals that are only counted in gap records */
	__u32 audit_capacity; /* records */
	__u32 audit_reader;   /* 1 while the audit ring is open */
	char module_version[16];
	char firmware_name[16];
	/* Since API version 2. */
	__u32 quarantine_added;	 /* devices that user space added */
	__u32 grants_supported;	 /* 1 if this kernel can check a grant's signature */
	__u32 grant_keys;	 /* enrolled */
	__u32 grant_keys_sealed; /* 1 once DSMIL_IOC_GRANT_KEY_SEAL was called */
	__u32 grant_nonces;	 /* used of DSMIL_GRANT_NONCES_MAX */
	__u32 observers;	 /* observation rings that are open */
	__u32 firmware_read_only; /* 1: the firmware module takes no writes */
	__u32 reserved1;	 /* zero */
	/* Since API version 4. */
	/* writes, batches and enrolments that were not begun: the audit ring was full (-EAGAIN) */
	__u64 audit_refused;
};

/*
 * A device. Also the element of DSMIL_IOC_DEVICE_LIST, where size is set by
 * the kernel to the element's stride.
 */
struct dsmil_device {
	__u32 size;
	__u16 id;     /* in: which device (DEVICE_GET) */
	__u16 number; /* 0 .. 107 */
	__u16 token_base;
	__u16 group;
	__u8 risk;	       /* enum dsmil_risk, of the device itself */
	__u8 present;	       /* 1 if this board has the device's three registers */
	__u8 layer;	       /* 2 .. 9, 0 if no service device is bound */
	__u8 reserved0;	       /* zero */
	__u8 register_risk[3]; /* the strictest reading of each token, aliases included */
	__u8 reserved1;	       /* zero */
	__u8 register_reason[3]; /* enum dsmil_reason, with CAP_SYS_RAWIO and no grant */
	__u8 reserved2;	       /* zero */
	__u32 clearance;
	char name[32];
	char group_name[32];
	char layer_name[16];
	char service_name[40];
};

/*
 * DSMIL_IOC_DEVICE_LIST: copies devices first .. first + count - 1 to the array
 * at devices; count comes back as how many were copied, total as how many there
 * are. Each element takes stride bytes (in: sizeof(struct dsmil_device) of the
 * caller).
 */
struct dsmil_device_list {
	__u32 size;
	__u32 first;
	__u32 count;
	__u32 total;
	__u32 stride;
	__u32 reserved; /* zero */
	__u64 devices;	/* user pointer */
};

/*
 * DSMIL_IOC_EVENT_RING: a new close-on-exec descriptor in fd. Needs CAP_SYS_ADMIN
 * (-EPERM).
 *
 * DSMIL_RING_AUDIT: one reader at a time (-EBUSY). Its records live from module
 * load to unload, whoever reads:
 *   read()   whole records (-EINVAL if the buffer holds none; 0 never: it waits,
 *            or gives -EAGAIN with O_NONBLOCK). Records come again to the next
 *            reader until they are acknowledged.
 *   poll()   POLLIN when a record waits, with or without firmware.
 *   DSMIL_IOC_RING_ADVANCE  acknowledges all records before a sequence number.
 *
 * DSMIL_RING_OBSERVE: a ring of this reader's own, from now on; at most
 * DSMIL_OBSERVERS_MAX are open at once (-EBUSY). It never stalls anybody: what
 * does not fit is lost to this reader, and a gap record with sequence 0 says how
 * much. What the audit ring only counts comes here with sequence 0. See
 * struct dsmil_ring_page for what mmap() gives; there is no read().
 *   poll()   POLLIN when the reader has something to take. A reader that had
 *            taken everything is woken for the next record; one that is behind
 *            is not.
 *
 * Any other kind is -EOPNOTSUPP.
 */
#define DSMIL_RING_AUDIT 1
#define DSMIL_RING_OBSERVE 2

#define DSMIL_OBSERVERS_MAX 64
#define DSMIL_OBSERVE_BYTES_MIN 4096
#define DSMIL_OBSERVE_BYTES_MAX 262144
#define DSMIL_OBSERVE_BYTES_DEFAULT 65536

struct dsmil_event_ring {
	__u32 size;
	__u32 kind;  /* DSMIL_RING_ */
	__u32 flags; /* zero */
	__s32 fd;    /* out */
	/* Since API version 2. */
	/* OBSERVE: a power of two, or 0 for the default; -EINVAL otherwise. out: the ring's */
	__u32 bytes;
	__u32 reserved; /* zero */
};

/*
 * DSMIL_IOC_RING_ADVANCE, on an audit ring: acknowledge every record with a
 * sequence below up_to. Only records that this reader has read may be
 * acknowledged (-ERANGE), and never backwards (-ERANGE).
 */
struct dsmil_ring_advance {
	__u32 size;
	__u32 reserved; /* zero */
	__u64 up_to;
};

/*
 * What mmap() of an observation ring gives, in pages from offset 0:
 *   page 0        the reader's: struct dsmil_ring_page with `taken`, may be mapped
 *                 writable, alone
 *   page 1        the kernel's: struct dsmil_ring_page with `put` and the counters,
 *                 read-only (-EPERM otherwise)
 *   page 2 ..     the data, bytes long, and once more after it, read-only: a record
 *                 that begins before the end goes on behind it
 * Positions count bytes from 0, never wrap and are taken modulo bytes. A record is
 * a struct dsmil_event, one after the other without padding; its own size field is
 * its length. The reader reads `put` with acquire semantics, takes records from
 * `taken` up to it, and then stores the new `taken` with release semantics. Before
 * it waits, it makes a full fence and looks at `put` again: only the next record
 * after one that found `taken` equal to `put` wakes it, edge-triggered or not. A
 * `taken` that is ahead of `put` or more than bytes behind it counts as `put`.
 */
struct dsmil_ring_page {
	__u64 taken;
	__u64 put;
	__u64 lost;	  /* records that did not fit, ever */
	__u64 gap_count;  /* of them, those that no gap record tells of yet */
	__u64 reserved[4];
};

/*
 * DSMIL_IOC_QUARANTINE_ADD: from now on, until the module is unloaded, the device
 * is quarantined: its registers, and the token that has its id's number, are never
 * written. Needs CAP_SYS_ADMIN (-EPERM). 0 also if it already was. Nothing takes a
 * device off the list.
 */
struct dsmil_quarantine_add {
	__u32 size;
	__u16 device_id;
	__u16 reserved; /* zero */
};

/*
 * DSMIL_IOC_GRANT_KEY_ADD: enrols a P-256 key whose grants count, until the module
 * is unloaded. Needs CAP_SYS_ADMIN (-EPERM). -EROFS: the list is sealed; -EEXIST:
 * the key is there; -ENOSPC: DSMIL_GRANT_KEYS_MAX are; -EINVAL: no point of the
 * curve, or no owner; -EOPNOTSUPP: this kernel cannot check ECDSA signatures;
 * -EAGAIN: the audit ring has no room for its record.
 */
#define DSMIL_GRANT_KEYS_MAX 32

struct dsmil_grant_key_add {
	__u32 size;
	__u32 flags;	  /* zero */
	__u8 point[64];	  /* X, Y, big-endian (SEC 1, 2.3.3, without its first byte) */
	char owner[32];	  /* NUL-terminated, printable ASCII: who holds the key */
	__u8 key_id[32];  /* out: SHA-256 of 0x04, X, Y */
};

/*
 * DSMIL_IOC_GRANT_KEY_SEAL: closes the list of keys until the module is unloaded.
 * Needs CAP_SYS_ADMIN (-EPERM). 0 also if it already was.
 */
struct dsmil_grant_key_seal {
	__u32 size;
	__u32 flags; /* zero */
};

/*
 * DSMIL_IOC_REG_BATCH: count operations in order, each with the rights of the
 * device descriptor that it names and exactly as DSMIL_IOC_REG_READ and _WRITE
 * would do it, in one audit event (see DSMIL_EVENT_BATCH). Each gets its result;
 * a failure does not stop the next, unless flags has DSMIL_BATCH_STOP: then the
 * rest is -ECANCELED. The command itself fails, with nothing done, for a bad
 * struct, more than DSMIL_BATCH_MAX operations or DSMIL_BATCH_GRANTS_MAX grants
 * (-E2BIG), a bad pointer (-EFAULT) or, if a descriptor that may write is among
 * its writes' and the audit ring has no room for its event, -EAGAIN.
 * A fatal signal ends it between two operations: the rest is -ECANCELED.
 */
#define DSMIL_BATCH_MAX 4096
#define DSMIL_BATCH_GRANTS_MAX 128 /* in one batch */
#define DSMIL_BATCH_STOP 0x1

struct dsmil_batch_operation {
	__s32 fd;	 /* of a device node; -EBADF if it is none, or not open for it */
	__u8 operation;	 /* DSMIL_BATCH_READ or _WRITE; others -EINVAL */
	__u8 reg;	 /* enum dsmil_register; others -ERANGE */
	__u16 rule_token; /* out: as in struct dsmil_reg_write */
	__u32 value;	 /* READ: out; WRITE: in */
	__s32 result;	 /* out: 0 or -errno */
	__u64 grant;	 /* as in struct dsmil_reg_write */
	__u32 grant_length;
	__u8 reason;	 /* out: enum dsmil_reason */
	__u8 rule_risk;	 /* out */
	__u16 reserved;	 /* zero */
};

#define DSMIL_BATCH_READ 0
#define DSMIL_BATCH_WRITE 1

struct dsmil_reg_batch {
	__u32 size;
	__u32 flags;	  /* DSMIL_BATCH_STOP */
	__u32 count;	  /* 1 .. DSMIL_BATCH_MAX */
	__u32 stride;	  /* sizeof(struct dsmil_batch_operation) of the caller */
	__u64 operations; /* user pointer */
	__u32 failed;	  /* out: results that are not 0 */
	__u32 reserved;	  /* zero */
	/* out: of the audit event; 0 if it is only counted, or nothing was asked */
	__u64 sequence;
};

/*
 * mmap() of ctl, from offset 0, read-only (-EPERM otherwise): the last known state
 * of every device, filled by every access and by the poller. A reader copies
 * between two equal, even values of `sequence` (read with acquire semantics) and
 * otherwise tries again.
 */
#define DSMIL_STATUS_VERSION 1
#define DSMIL_STATUS_STALE 0x1 /* the firmware that it came from has gone */

struct dsmil_status_register {
	__u64 time_ns; /* CLOCK_BOOTTIME of the last answer; 0: none yet */
	__u32 value;   /* of the last good answer */
	__s32 result;  /* of the last access: 0 or -errno */
};

struct dsmil_status_device {
	__u16 id;
	__u8 present;
	__u8 risk;
	__u32 changes; /* how often a read found another value than the last */
	struct dsmil_status_register registers[DSMIL_REGISTER_COUNT];
	__u64 reserved;
};

struct dsmil_status_page {
	__u32 sequence; /* odd while the kernel writes */
	__u32 version;	/* DSMIL_STATUS_VERSION */
	__u32 bytes;	/* sizeof(struct dsmil_status_page) */
	__u32 device_bytes; /* sizeof(struct dsmil_status_device) */
	__u8 load_id[16];
	__u32 firmware_kind;
	__u32 flags;	/* DSMIL_STATUS_STALE */
	__u64 sweeps;	/* of the poller */
	__u64 sweep_ns; /* CLOCK_BOOTTIME of the end of the last one */
	__u64 reserved;
	struct dsmil_status_device devices[DSMIL_DEVICE_COUNT];
};

/* --------------------------------------------------------------- devices -- */

/*
 * DSMIL_IOC_REG_READ, on a descriptor opened for reading (-EBADF otherwise).
 * -EIO: the firmware failed; -ENXIO: it does not support the token, or names no
 * location for it.
 */
struct dsmil_reg_read {
	__u32 size;
	__u32 reg;   /* enum dsmil_register; others -ERANGE */
	__u32 flags; /* zero */
	__u32 value; /* out */
	__u64 time_ns; /* out: CLOCK_BOOTTIME of the firmware's answer */
};

/*
 * DSMIL_IOC_REG_WRITE, on a descriptor opened for writing (-EBADF otherwise).
 * -EPERM: the guard refused; reason and rule_token say which rule of which
 *         token, and the firmware was not called to write.
 * -EAGAIN: the audit ring has no free slot; nothing was done.
 * -EIO, -ENXIO: the firmware was called and failed.
 * A grant that is given must hold (-EPERM and its reason otherwise), also where
 * none is needed; it is used up when the firmware is called.
 * The out fields are filled for success, -EPERM, -EIO and -ENXIO.
 */
struct dsmil_reg_write {
	__u32 size;
	__u32 reg;
	__u32 flags; /* zero */
	__u32 value;
	__u64 grant;	    /* user pointer to a signed grant, or 0 */
	__u32 grant_length; /* bytes, 0 without a grant */
	__u32 reason;	    /* out: enum dsmil_reason */
	__u32 rule_token;   /* out: the token whose rule decided */
	__u32 rule_risk;    /* out: its risk */
	__u64 sequence;	    /* out: of the audit record; 0 if it is only counted in a gap */
};

/* ----------------------------------------------------------------- events -- */

enum dsmil_event_type {
	DSMIL_EVENT_GAP = 1,		   /* count records were not kept; see there */
	DSMIL_EVENT_FIRMWARE_ATTACHED = 2, /* value: present devices; device_id none */
	DSMIL_EVENT_FIRMWARE_DETACHED = 3,
	DSMIL_EVENT_READ = 4,	 /* result 0: value; else -errno */
	DSMIL_EVENT_WRITE = 5,	 /* the firmware was called; result 0 or -errno */
	DSMIL_EVENT_REFUSED = 6, /* the guard refused; the firmware was not called to write */
	DSMIL_EVENT_QUARANTINE_ADDED = 7, /* device_id */
	DSMIL_EVENT_GRANT_KEY_ADDED = 8,  /* detail.key: key id and owner */
	DSMIL_EVENT_GRANT_KEYS_SEALED = 9, /* value: how many keys */
	DSMIL_EVENT_BATCH = 10, /* count: operations; value: failed; then its parts */
	/* detail.operations: the next value of them; count: index of the first */
	DSMIL_EVENT_BATCH_PART = 11,
	DSMIL_EVENT_SWEEP = 12, /* of the poller. count: registers; value: errors; detail.digest */
	DSMIL_EVENT_CHANGED = 13, /* a sweep read another value: value; detail.changed */
	/* behind the parts, as a WRITE or REFUSED of its own; count: index of the operation */
	DSMIL_EVENT_BATCH_GRANT = 14,
};

/* An operation of a batch, as its event lists it. */
struct dsmil_event_operation {
	__u16 token;
	__u8 operation; /* DSMIL_BATCH_READ or _WRITE */
	__u8 reason;	/* enum dsmil_reason */
	__u32 value;
	__s32 result;
};

#define DSMIL_EVENT_OPERATIONS 6 /* in a BATCH_PART */

/*
 * One record of the audit ring, and the payload of the netlink notification.
 * (load_id, sequence) is unique for ever. Sequences start at 1 and have no holes:
 * a gap record takes one and says how many reads and refusals it stands for. It
 * comes when a slot frees, names no caller, and its time is when it was made.
 */
struct dsmil_event {
	__u32 size; /* sizeof(struct dsmil_event) */
	__u16 type; /* enum dsmil_event_type */
	__u16 device_id; /* or DSMIL_NO_DEVICE */
	__u64 sequence;
	__u64 boottime_ns; /* CLOCK_BOOTTIME */
	__u64 realtime_ns; /* CLOCK_REALTIME, as the clock stood */
	__u8 load_id[16];
	__u16 token;
	__u16 rule_token; /* REFUSED: the token whose rule decided */
	__u8 reg;
	__u8 risk;   /* of rule_token for REFUSED, else the register's */
	__u8 reason; /* enum dsmil_reason */
	__u8 firmware_kind;
	__u32 value;	 /* READ: read; WRITE and REFUSED: what the caller asked for */
	__s32 result;	 /* 0 or -errno */
	__u64 count;	 /* GAP: how many records it stands for */
	__u64 first_ns;	 /* GAP: CLOCK_BOOTTIME of the first of them */
	__u32 uid;	 /* effective uid in the initial user namespace */
	__u32 pid;	 /* tgid in the initial pid namespace */
	char comm[16];	 /* NUL-terminated */
	__u64 cgroup_id; /* of the caller's default hierarchy; 0 if there is none */
	union {		 /* by type; what is not used is zero */
		struct {
			__u8 nonce[16];
			__u8 signer[DSMIL_GRANT_SIGNERS_MAX][32]; /* key ids */
		} grant; /* WRITE and REFUSED with a grant, BATCH_GRANT */
		struct {
			__u8 id[32];
			char owner[32];
		} key; /* GRANT_KEY_ADDED */
		struct dsmil_event_operation operations[DSMIL_EVENT_OPERATIONS]; /* BATCH_PART */
		/* SWEEP: SHA-256 of {le16 token, le32 value, le32 result} of each */
		__u8 digest[32];
		struct {
			__u32 before; /* the value that was known until now */
		} changed; /* CHANGED */
		__u8 raw[80];
	} detail;
};

/* ---------------------------------------------------------------- commands -- */

#define DSMIL_IOC_MAGIC 0xD5

#define DSMIL_IOC_INFO _IOWR(DSMIL_IOC_MAGIC, 0x00, struct dsmil_info)
#define DSMIL_IOC_DEVICE_GET _IOWR(DSMIL_IOC_MAGIC, 0x01, struct dsmil_device)
#define DSMIL_IOC_DEVICE_LIST _IOWR(DSMIL_IOC_MAGIC, 0x02, struct dsmil_device_list)
#define DSMIL_IOC_EVENT_RING _IOWR(DSMIL_IOC_MAGIC, 0x03, struct dsmil_event_ring)
#define DSMIL_IOC_RING_ADVANCE _IOW(DSMIL_IOC_MAGIC, 0x04, struct dsmil_ring_advance)
#define DSMIL_IOC_QUARANTINE_ADD _IOW(DSMIL_IOC_MAGIC, 0x05, struct dsmil_quarantine_add)
#define DSMIL_IOC_GRANT_KEY_ADD _IOWR(DSMIL_IOC_MAGIC, 0x06, struct dsmil_grant_key_add)
#define DSMIL_IOC_GRANT_KEY_SEAL _IOW(DSMIL_IOC_MAGIC, 0x07, struct dsmil_grant_key_seal)
#define DSMIL_IOC_REG_BATCH _IOWR(DSMIL_IOC_MAGIC, 0x08, struct dsmil_reg_batch)
#define DSMIL_IOC_REG_READ _IOWR(DSMIL_IOC_MAGIC, 0x10, struct dsmil_reg_read)
#define DSMIL_IOC_REG_WRITE _IOWR(DSMIL_IOC_MAGIC, 0x11, struct dsmil_reg_write)

#endif /* _UAPI_LINUX_DSMIL_H */
