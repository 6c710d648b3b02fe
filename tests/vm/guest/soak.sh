#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Quotes through the kernel's resource manager (/dev/tpmrm0), as many as /soak/count says.
# tpm_soak counts what its own connection has loaded; here the chip itself (/dev/tpm0) is
# asked, before, while it runs and after.
# shellcheck source=/dev/null
. /soak/tap.sh
count=$(cat /soak/count)
kinds="transient loaded-session saved-session"
handles() { # each kind with its handles, as the chip tells them
	for kind in $kinds persistent; do
		found=$(tpm2 getcap -T device:/dev/tpm0 handles-"$kind") || return
		echo "$kind:$(echo "$found" | tr -d '\n')"
	done
}
sessions() { # how many the chip has now
	handles >/run/now && grep session /run/now | grep -o 0x | wc -l
}
mkdir /run/soak
handles >/run/before
ok $? "the chip says what is loaded in it"
begun=$(cut -d. -f1 /proc/uptime)
tpm_soak device:/dev/tpmrm0 /run/soak "$count" >/tmp/soak 2>&1 &
soak=$!
looks=0
most=0
while kill -0 $soak 2>/dev/null; do
	seen=$(sessions) && looks=$((looks + 1)) && [ "$seen" -gt "$most" ] && most=$seen
	[ $((looks % 15)) -ne 0 ] || echo "# $(tail -n 1 /tmp/soak) after $(($(cut -d. -f1 /proc/uptime) - begun)) s"
	sleep 20
done
wait $soak
ended=$?
echo "# $count quotes in $(($(cut -d. -f1 /proc/uptime) - begun)) s, $looks looks from outside"
sed 's/^/# /' /tmp/soak | grep -vE '^# [0-9]+$' | tail -n 20
ok $ended "$count quotes are made, and the connection has then loaded what it had at first"
is 1 "$most" "all the while the chip has one session, seen from outside"
handles >/run/after
ok $? "it says afterwards what is loaded"
sed 's/^/# before: /' /run/before
sed 's/^/# after:  /' /run/after
for kind in $kinds; do
	is "$kind:" "$(grep "^$kind:" /run/after)" "$kind: nothing is left"
done
grep -q "^persistent:.*0x8100D501" /run/after
ok $? "and the attestation key persists, so that the chip was asked"
exits 0 "the chip still answers" tpm2 getrandom -T device:/dev/tpmrm0 --hex 4
cp /run/before /run/handles_before
cp /run/after /run/handles_after
lab put /run/handles_before
lab put /run/handles_after
finish
