# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The suites are in dsmil.ko and run when it is loaded; what gcov counted stays when it
# is unloaded.

results() {
	insmod "$MODULES/dsmil.ko" || return 1
	cat "$DEBUG"/kunit/dsmil_*/results
	rmmod dsmil
}

coverage() {
	(cd "$DEBUG/gcov" && find . -name '*.gcda') | while read -r file; do
		cat "$DEBUG/gcov/$file" >"/out/${file##*/}"
	done
}

prepare_faults
forget_leaks
suite kunit results
suite leaks leaks
coverage
