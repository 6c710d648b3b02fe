#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the lab's guest: the benchmark's numbers go to the host.
set -eu
read_latency 3000 0x0411 > /run/read_latency
lab put /run/read_latency
