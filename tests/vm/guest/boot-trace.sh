#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tracepoints, as docs/tracing.md has them.
cd /lab/source/tests/vm || exit 1
lab tap trace ./trace.sh
exit 0
