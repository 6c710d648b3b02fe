/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints dsmil:dsmil_read, dsmil:dsmil_write, dsmil:dsmil_refused. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dsmil

#if !defined(DSMIL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DSMIL_TRACE_H

#include <linux/dsmil.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(dsmil_access,
		    TP_PROTO(const struct dsmil_event *event),
		    TP_ARGS(event),
		    TP_STRUCT__entry(__field(u64, sequence)
				     __field(u32, value)
				     __field(s32, result)
				     __field(u16, device_id)
				     __field(u16, token)
				     __field(u16, rule_token)
				     __field(u8, reg)
				     __field(u8, risk)
				     __field(u8, reason)),
		    TP_fast_assign(__entry->sequence = event->sequence;
				   __entry->value = event->value;
				   __entry->result = event->result;
				   __entry->device_id = event->device_id;
				   __entry->token = event->token;
				   __entry->rule_token = event->rule_token;
				   __entry->reg = event->reg;
				   __entry->risk = event->risk;
				   __entry->reason = event->reason;),
		    TP_printk("device=%04x reg=%u token=0x%04x value=0x%08x result=%d risk=%u reason=%u rule_token=0x%04x sequence=%llu",
			      __entry->device_id, __entry->reg, __entry->token, __entry->value,
			      __entry->result, __entry->risk, __entry->reason,
			      __entry->rule_token, __entry->sequence));

#define DSMIL_ACCESS_EVENT(name)						\
	DEFINE_EVENT(dsmil_access, name, TP_PROTO(const struct dsmil_event *event), TP_ARGS(event))

DSMIL_ACCESS_EVENT(dsmil_read);
DSMIL_ACCESS_EVENT(dsmil_write);
DSMIL_ACCESS_EVENT(dsmil_refused);

#endif /* DSMIL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
