# SPDX-License-Identifier: GPL-2.0-only
# The suites, as parts of dsmil.ko: see kernel/Kbuild. Each file is one suite.
dsmil-y += tests/support.o tests/board.o tests/client.o tests/nodes_kunit.o \
	   tests/registers_kunit.o tests/audit_kunit.o tests/devices_kunit.o tests/netlink_kunit.o \
	   tests/netlink_registers_kunit.o tests/status_kunit.o tests/batch_kunit.o \
	   tests/observe_kunit.o tests/signer.o tests/signature_kunit.o
# What these do lasts as long as the module is loaded: they come last, in this order.
dsmil-y += tests/poller_kunit.o tests/quarantine_kunit.o tests/grant_keys_kunit.o \
	   tests/grants_kunit.o tests/grant_seal_kunit.o
