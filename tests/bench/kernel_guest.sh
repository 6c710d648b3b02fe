#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the lab's guest: the module's own costs on the simulated board. EVENTS of the
# long form are ten million.
set -eu

lab unload
lab load sim
kernel_speed 3000 "${EVENTS:-1000000}" >/run/kernel_speed
lab put /run/kernel_speed
