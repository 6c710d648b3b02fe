#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Quotes through the kernel's resource manager (/dev/tpmrm0), as many as /soak/count says;
# the handles of the chip itself (/dev/tpm0) before and after.
# shellcheck source=/dev/null
. /soak/tap.sh
count=$(cat /soak/count)
handles() { # each kind with its handles, as the chip tells them
	for kind in transient loaded-session saved-session; do
		echo "$kind: $(tpm2_getcap -T device:/dev/tpm0 handles-$kind | tr -d '\n')"
	done
}
mkdir /run/soak
handles >/run/before
exits 0 "$count quotes are made" tpm_soak device:/dev/tpmrm0 /run/soak "$count"
sed 's/^/# /' /tmp/out | tail -n 3
handles >/run/after
sed 's/^/# before: /' /run/before
sed 's/^/# after:  /' /run/after
cmp -s /run/before /run/after
ok $? "and leave no session and no object behind"
is "" "$(sed -n 's/^[a-z-]*: //p' /run/after | tr -d '\n')" "of which there is none at all"
exits 0 "the chip still answers" tpm2_getrandom -T device:/dev/tpmrm0 --hex 4
cp /run/before /run/handles_before
cp /run/after /run/handles_after
lab put /run/handles_before
lab put /run/handles_after
finish
