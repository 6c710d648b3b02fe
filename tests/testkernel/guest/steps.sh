# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the plans share. Sourced by init.

DEBUG=/sys/kernel/debug
MODULES=/lib/modules/$(uname -r)

# suite NAME COMMAND...: runs it; the report has its TAP between two lines.
suite() {
	name=$1
	shift
	echo "suite $name"
	"$@"
	echo "end $name $?"
	sync # the report: the machine may be ended at any time
}

# Any allocation may fail when a test asks for it (fail-nth), also one that may wait, and
# the kernel need not print a trace for each.
prepare_faults() {
	for fault in failslab fail_page_alloc fail_usercopy; do
		[ -d "$DEBUG/$fault" ] || continue
		echo 0 >"$DEBUG/$fault/verbose"
		[ ! -e "$DEBUG/$fault/ignore-gfp-wait" ] || echo N >"$DEBUG/$fault/ignore-gfp-wait"
		[ ! -e "$DEBUG/$fault/min-order" ] || echo 0 >"$DEBUG/$fault/min-order"
	done
}

# Forgets what the kernel itself did until now.
forget_leaks() {
	echo clear >"$DEBUG/kmemleak"
}

# kmemleak reports only what is five seconds old and was unreachable in a scan since.
leaks() {
	echo 1..1
	sleep 6
	echo scan >"$DEBUG/kmemleak"
	echo scan >"$DEBUG/kmemleak"
	cat "$DEBUG/kmemleak" >/tmp/leaks
	if [ -s /tmp/leaks ]; then
		echo "not ok 1 - nothing leaks"
		head -n 60 /tmp/leaks | sed 's/^/# /'
		return 1
	fi
	echo "ok 1 - nothing leaks"
}

load_both() {
	insmod "$MODULES/dsmil.ko" && insmod "$MODULES/dsmil_sim.ko"
}

unload_both() {
	rmmod dsmil_sim && rmmod dsmil
}

# Whether both modules go, as TAP.
unloads() {
	echo 1..1
	if unload_both; then
		echo "ok 1 - the modules unload"
	else
		echo "not ok 1 - the modules unload"
	fi
}
