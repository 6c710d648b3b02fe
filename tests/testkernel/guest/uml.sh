# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
prepare_faults
forget_leaks
load_both
suite kselftest sh /lab/guest/kselftest.sh full
suite kselftest-end unloads
# shellcheck disable=SC2154,SC2086 # the kernel's arguments are init's environment
suite churn churn ${dsmil_cycles:+--cycles $dsmil_cycles} ${dsmil_stride:+--stride $dsmil_stride}
load_both
# shellcheck disable=SC2154,SC2086
suite fuzz fuzz --seconds "${dsmil_seconds:-20}" ${dsmil_seed:+--seed $dsmil_seed} ${dsmil_rounds:+--rounds $dsmil_rounds}
suite fuzz-end unloads
suite leaks leaks
