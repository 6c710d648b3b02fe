#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the lab's guest: the module's own costs on the simulated board, and ten million
# events through an observation ring.
set -eu
lab unload
lab load sim
kernel_speed 3000 10000000 >/run/kernel_speed
lab put /run/kernel_speed
