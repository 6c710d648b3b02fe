#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What comes into the ledger from the kernel's audit, and what goes from it to other logs: with
# the kernel's own multicast, a real auditd, a real journal and a real syslogd.
cd /lab/source/tests/vm || exit 1
lab tap ingest ./ingest.sh
lab tap sinks ./sinks.sh
lab tap reserve ./reserve.sh
exit 0
