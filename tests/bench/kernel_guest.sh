#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the lab's guest: the module's own costs on the simulated board, and ten million
# events through an observation ring.
set -eu
lab unload
core=$(find /lib/modules -name dsmil.ko)
kernel_load 11 "$core" "${core%dsmil.ko}dsmil_sim.ko" >/run/kernel
lab load sim
kernel_speed 6000 10000000 >>/run/kernel
lab put /run/kernel
