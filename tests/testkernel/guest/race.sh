# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2086 # the kernel's arguments are init's environment
play() {
	race ${dsmil_rounds:+--rounds $dsmil_rounds} ${dsmil_seed:+--seed $dsmil_seed}
	status=$?
	# How much KCSAN looked at.
	[ ! -e "$DEBUG/kcsan" ] || sed -n 's/^\(enabled\|[a-z_]*watchpoints\|data_races\):/# kcsan: \1:/p' "$DEBUG/kcsan"
	return "$status"
}
suite race play
