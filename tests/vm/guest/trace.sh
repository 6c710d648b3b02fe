#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tracepoints through tracefs, through bpftrace with the script of the docs, and through
# perf with the commands of the docs.
# shellcheck source=/dev/null
. ./tap.sh

operations() {
	dsmilctl read 0x8005 STATUS
	dsmilctl write 0x8005 CONFIG 0x2A
	dsmilctl write 0x8009 CONFIG 1
	printf 'read 0x8006 DATA\nwrite 0x800A CONFIG 2\n' | dsmilctl batch
} >/dev/null 2>&1

tracing=/sys/kernel/tracing
[ -d $tracing/events ] || mount -t tracefs none $tracing
exits 0 "tracefs has our events" cat $tracing/events/dsmil/dsmil_refused/format
for field in sequence value result device_id token rule_token reg risk reason; do
	says "field:.* $field;" "with the field $field"
done
set_filter() { echo 'reason != 0' >$tracing/events/dsmil/dsmil_refused/filter; }
set_filter
ok $? "a refusal can be filtered by its reason"
echo 1 >$tracing/events/dsmil/enable
operations
echo 0 >$tracing/events/dsmil/enable
cp $tracing/trace /tmp/out
says 'dsmil_read: device=8005 reg=0 token=0x800f .*result=0 ' "a read is an event"
says 'dsmil_write: device=8005 reg=1 token=0x8010 value=0x0000002a result=0 ' "so is a write"
says 'dsmil_refused: device=8009 reg=1 token=0x801c value=0x00000001 result=-1 risk=4 reason=1 rule_token=0x801c' \
	"and a refusal, with its rule"
says 'dsmil_read: device=8006 .*sequence=0$' "an operation of a batch is one, too"
says 'dsmil_refused: device=800a .*sequence=0$' "and its refusal"
is 2 "$(dmesg | grep -c 'refused: quarantined, by token')" "each refusal is a line in dmesg"

bpftrace /lab/source/docs/examples/dsmil.bt >/tmp/bpftrace 2>/tmp/bpftrace.err &
tracer=$!
attached() { grep -q COMM /tmp/bpftrace; }
await 120 attached
ok $? "bpftrace takes the script of the docs"
operations
told() { grep -q 'refused  0x800a' /tmp/bpftrace; }
await 30 told
ok $? "and tells what happens"
kill -INT $tracer
wait $tracer
cp /tmp/bpftrace /tmp/out
sed 's/^/# /' /tmp/bpftrace.err
says 'dsmilctl .* read  *0x8005  0 ' "the read"
says 'dsmilctl .* write  *0x8005  1  *0x0000002a 0' "the write"
says 'dsmilctl .* refused  *0x8009  1  *0x00000001 -1' "the refusal"
says '@refused\[dsmilctl, 1\]: 2' "and counts the refusals"

cat >/tmp/operations.sh <<-END
	dsmilctl read 0x8005 STATUS
	dsmilctl write 0x8005 CONFIG 0x2A
	dsmilctl write 0x8009 CONFIG 1
	exit 0
END
cd /tmp || exit 1
exits 0 "perf records the refusals" perf record -e dsmil:dsmil_refused -a -- sh /tmp/operations.sh
exits 0 "and tells them" perf script
says '^ *dsmilctl .* dsmil:dsmil_refused: device=8009 reg=1 token=0x801c value=0x00000001 result=-1 risk=4 reason=1 rule_token=0x801c' \
	"as the docs have it"
exits 0 "perf counts" perf stat -e dsmil:dsmil_read -e dsmil:dsmil_write -a -- sh /tmp/operations.sh
says '^ *1 +dsmil:dsmil_read' "one read"
says '^ *1 +dsmil:dsmil_write' "and one write"
exits 0 "perf tells as it happens" perf trace -e 'dsmil:*' sh /tmp/operations.sh
for event in read write refused; do says "dsmil:dsmil_$event" "  $event"; done
finish
