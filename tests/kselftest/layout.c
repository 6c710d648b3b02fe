/* SPDX-License-Identifier: Apache-2.0 */
/* The layouts of the ABI. The build compiles this for 32-bit callers too. */
#include <linux/dsmil.h>
#include <stddef.h>

#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#define AT(type, field, offset) _Static_assert(offsetof(struct type, field) == (offset), #type "." #field)

SIZE(dsmil_info, 200);
AT(dsmil_info, load_id, 48);
AT(dsmil_info, loaded_ns, 64);
AT(dsmil_info, audit_capacity, 128);
AT(dsmil_info, module_version, 136);
AT(dsmil_info, firmware_name, 152);

SIZE(dsmil_device, 148);
AT(dsmil_device, id, 4);
AT(dsmil_device, risk, 12);
AT(dsmil_device, register_risk, 16);
AT(dsmil_device, register_reason, 20);
AT(dsmil_device, clearance, 24);
AT(dsmil_device, name, 28);
AT(dsmil_device, service_name, 108);

SIZE(dsmil_device_list, 32);
AT(dsmil_device_list, devices, 24);

SIZE(dsmil_event_ring, 24);
SIZE(dsmil_ring_advance, 16);
AT(dsmil_ring_advance, up_to, 8);

SIZE(dsmil_ring_page, 64);
AT(dsmil_ring_page, put, 8);

SIZE(dsmil_reg_batch, 40);
AT(dsmil_reg_batch, operations, 16);
AT(dsmil_reg_batch, sequence, 32);
SIZE(dsmil_batch_operation, 32);
AT(dsmil_batch_operation, result, 12);
AT(dsmil_batch_operation, grant, 16);

SIZE(dsmil_status_register, 16);
SIZE(dsmil_status_device, 64);
SIZE(dsmil_status_page, 64 + 108 * 64);
AT(dsmil_status_page, devices, 64);

SIZE(dsmil_reg_read, 24);
AT(dsmil_reg_read, value, 12);
AT(dsmil_reg_read, time_ns, 16);

SIZE(dsmil_reg_write, 48);
AT(dsmil_reg_write, grant, 16);
AT(dsmil_reg_write, reason, 28);
AT(dsmil_reg_write, sequence, 40);

SIZE(dsmil_event, 192);
AT(dsmil_event, sequence, 8);
AT(dsmil_event, load_id, 32);
AT(dsmil_event, token, 48);
AT(dsmil_event, value, 56);
AT(dsmil_event, count, 64);
AT(dsmil_event, uid, 80);
AT(dsmil_event, comm, 88);
AT(dsmil_event, cgroup_id, 104);
AT(dsmil_event, detail, 112);
SIZE(dsmil_event_operation, 12);
