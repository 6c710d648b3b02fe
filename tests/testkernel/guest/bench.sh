# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The module's own costs, as tests/bench/kernel_guest.sh measures them in the lab.

measure() {
	echo 1..1
	kernel_load 11 "$MODULES/dsmil.ko" "$MODULES/dsmil_sim.ko" >/tmp/bench &&
		load_both && kernel_speed 6000 10000000 >>/tmp/bench && unload_both
	status=$?
	sed 's/^/# /' /tmp/bench
	[ "$status" -eq 0 ] || echo "not ok 1 - the costs were measured"
	[ "$status" -ne 0 ] || echo "ok 1 - the costs were measured"
}
suite bench measure
