#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every self test of the kernel, as one TAP stream: the result lines of each program,
# with its name before theirs and new numbers.
#   kselftest.sh [full|odd]
export DSMIL_BOARD="${1:-full}"
count=0
failed=0
for program in /lab/kselftest/*; do
	name=${program##*/}
	bad=0
	"$program" >/tmp/kselftest.out 2>&1 </dev/null
	status=$?
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			count=$((count + 1))
			verdict=${line%%ok *}ok
			rest=${line#*ok }
			rest=${rest#* }
			echo "$verdict $count - $name: ${rest#- }"
			[ "$verdict" = ok ] || bad=1
			;;
		"TAP version "* | 1..*) ;;
		*) echo "# $name: $line" ;;
		esac
	done </tmp/kselftest.out
	# 0: all held, 1: one did not, 4: everything was skipped. What ends otherwise, or
	# fails without a failed test, is a failure of its own.
	case $status$bad in
	00 | 11 | 40) ;;
	*)
		count=$((count + 1))
		bad=1
		echo "not ok $count - $name ended with $status"
		;;
	esac
	[ "$bad" -eq 0 ] || failed=1
done
echo "1..$count"
exit "$failed"
