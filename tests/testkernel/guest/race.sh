# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2086 # the kernel's arguments are init's environment
suite race race ${dsmil_rounds:+--rounds $dsmil_rounds} ${dsmil_seed:+--seed $dsmil_seed}
