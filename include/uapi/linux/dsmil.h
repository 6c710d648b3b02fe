/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */
/*
 * The kernel's contract with user space: character devices, ioctls, events.
 *
 * Nodes
 * -----
 *   /dev/dsmil/ctl            metadata and administration; never touches a register
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
#define DSMIL_API_VERSION 1
/* Bumped when the meaning or layout of struct dsmil_event changes. */
#define DSMIL_EVENT_SCHEMA_VERSION 1

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
};

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
 * DSMIL_IOC_EVENT_RING: a new close-on-exec descriptor in fd.
 * DSMIL_RING_AUDIT needs CAP_SYS_ADMIN (-EPERM) and there is one reader at a
 * time (-EBUSY). Its records live from module load to unload, whoever reads:
 *   read()   whole records (-EINVAL if the buffer holds none; 0 never: it waits,
 *            or gives -EAGAIN with O_NONBLOCK). Records come again to the next
 *            reader until they are acknowledged.
 *   poll()   POLLIN when a record waits, with or without firmware.
 *   DSMIL_IOC_RING_ADVANCE  acknowledges all records before a sequence number.
 * Any other kind is -EOPNOTSUPP.
 */
#define DSMIL_RING_AUDIT 1

struct dsmil_event_ring {
	__u32 size;
	__u32 kind;  /* DSMIL_RING_AUDIT */
	__u32 flags; /* zero */
	__s32 fd;    /* out */
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
 *         token, and the firmware was not called.
 * -EAGAIN: the audit ring has no free slot; nothing was done.
 * -EIO, -ENXIO: the firmware was called and failed.
 * -EOPNOTSUPP: a grant was given and this kernel takes none.
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
	DSMIL_EVENT_REFUSED = 6, /* the guard refused; the firmware was not called */
};

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
};

/* ---------------------------------------------------------------- commands -- */

#define DSMIL_IOC_MAGIC 0xD5

#define DSMIL_IOC_INFO _IOWR(DSMIL_IOC_MAGIC, 0x00, struct dsmil_info)
#define DSMIL_IOC_DEVICE_GET _IOWR(DSMIL_IOC_MAGIC, 0x01, struct dsmil_device)
#define DSMIL_IOC_DEVICE_LIST _IOWR(DSMIL_IOC_MAGIC, 0x02, struct dsmil_device_list)
#define DSMIL_IOC_EVENT_RING _IOWR(DSMIL_IOC_MAGIC, 0x03, struct dsmil_event_ring)
#define DSMIL_IOC_RING_ADVANCE _IOW(DSMIL_IOC_MAGIC, 0x04, struct dsmil_ring_advance)
#define DSMIL_IOC_REG_READ _IOWR(DSMIL_IOC_MAGIC, 0x10, struct dsmil_reg_read)
#define DSMIL_IOC_REG_WRITE _IOWR(DSMIL_IOC_MAGIC, 0x11, struct dsmil_reg_write)

#endif /* _UAPI_LINUX_DSMIL_H */
