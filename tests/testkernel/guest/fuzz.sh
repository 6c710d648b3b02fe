# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
prepare_faults
forget_leaks
load_both
# shellcheck disable=SC2154,SC2086 # the kernel's arguments are init's environment
suite fuzz fuzz --seconds "${dsmil_seconds:-20}" ${dsmil_seed:+--seed $dsmil_seed} ${dsmil_rounds:+--rounds $dsmil_rounds}
suite fuzz-end unloads
suite leaks leaks
