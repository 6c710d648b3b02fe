#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Grants by hand, with dsmilctl and OpenSSL alone. The module was loaded afresh: no key
# is enrolled.
# shellcheck source=/dev/null
. ./tap.sh

make_key() {
	openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "/tmp/$1.key" 2>/dev/null &&
		openssl pkey -in "/tmp/$1.key" -pubout -out "/tmp/$1.pem"
}
sign() { openssl dgst -sha256 -sign "/tmp/$1.key" -out "/tmp/$2.$1" "/tmp/$2"; }
draft() {
	draft_name=$1
	shift
	rm -f "/tmp/$draft_name" "/tmp/$draft_name.grant"
	dsmilctl grants draft "$@" --out "/tmp/$draft_name" >/dev/null
}
assemble() { # NAME SIGNER...
	name=$1
	shift
	rm -f "/tmp/$name.grant"
	set -- "$@" end
	while [ "$1" != end ]; do
		sign "$1" "$name" || return
		set -- "$@" "/tmp/$name.$1"
		shift
	done
	shift
	dsmilctl grants assemble "/tmp/$name" "$@" --out "/tmp/$name.grant" >/dev/null
}

make_key alice P-256 && make_key bob P-256 && make_key wide P-384
ok $? "OpenSSL makes keys"
exits 2 "a key of another curve is a usage error" dsmilctl grants enroll /tmp/wide.pem --owner wide
exits 2 "a private key, too" dsmilctl grants enroll /tmp/alice.key --owner alice
exits 3 "a file that is not there is not found" dsmilctl grants enroll /tmp/nobody.pem --owner nobody
exits 4 "a user without rights enrols no key" as_guest dsmilctl grants enroll /tmp/alice.pem --owner alice

if dsmilctl info --json | grep -q '"supported":false'; then
	exits 8 "a kernel without ECDSA enrols no key" dsmilctl grants enroll /tmp/alice.pem --owner alice
	says ECDSA "and says why"
	finish
	exit
fi

exits 0 "root enrols a key" dsmilctl grants enroll /tmp/alice.pem --owner alice
exits 6 "not twice" dsmilctl grants enroll /tmp/alice.pem --owner alice
exits 0 "and that of another" dsmilctl grants enroll /tmp/bob.pem --owner bob
exits 2 "a name that is too long is a usage error" \
	dsmilctl grants enroll /tmp/wide.pem --owner 12345678901234567890123456789012
exits 0 "everybody may see whose grants count" as_guest dsmilctl grants keys
says "$(openssl ec -pubin -in /tmp/bob.pem -conv_form uncompressed -outform DER 2>/dev/null | tail -c 65 |
	sha256sum | cut -d' ' -f1)  *bob" "under the SHA-256 of the point"
exits 0 "the list is sealed" dsmilctl grants seal
make_key late P-256
exits 6 "then nobody is enrolled" dsmilctl grants enroll /tmp/late.pem --owner late

mark=$(lab mark)
draft one 0x8064 CONFIG 0x1 --signer /tmp/alice.pem && assemble one alice
ok $? "a grant for a monitored device is made"
exits 8 "it opens no other value" dsmilctl write 0x8064 CONFIG 0x2 --grant /tmp/one.grant
exits 8 "no other register" dsmilctl write 0x8064 DATA 0x1 --grant /tmp/one.grant
exits 8 "and no other device" dsmilctl write 0x8065 CONFIG 0x1 --grant /tmp/one.grant
exits 0 "it opens the write" dsmilctl write 0x8064 CONFIG 0x1 --grant /tmp/one.grant
echo "# granted 0x812d 0x00000001"
exits 8 "once" dsmilctl write 0x8064 CONFIG 0x1 --grant /tmp/one.grant
says "used before" "and says so"

draft two 0x8064 CONFIG 0x3 --mask 0x1 --signer /tmp/alice.pem && assemble two alice
printf 'read 0x8064 STATUS\nwrite 0x8064 CONFIG 0x5 grant=/tmp/two.grant\n' >/tmp/batch
exits 0 "a batch takes a grant, and the mask leaves bits out" dsmilctl batch /tmp/batch
echo "# granted 0x812d 0x00000005"

draft three 0x8064 CONFIG 0x1 --signer /tmp/bob.pem && assemble three alice
exits 8 "another's signature does not hold" dsmilctl write 0x8064 CONFIG 0x1 --grant /tmp/three.grant
draft four 0x8015 CONFIG 0x1 --signer /tmp/alice.pem && assemble four alice
exits 8 "one signer does not open a guarded device" dsmilctl write 0x8015 CONFIG 0x1 --grant /tmp/four.grant
draft five 0x8015 CONFIG 0x1 --signer /tmp/alice.pem --second-signer /tmp/bob.pem
sign alice five
exits 2 "a signature too few is a usage error" \
	dsmilctl grants assemble /tmp/five /tmp/five.alice --out /tmp/five.grant
assemble five alice bob
exits 0 "two of two owners do" dsmilctl write 0x8015 CONFIG 0x1 --grant /tmp/five.grant
echo "# granted 0x8040 0x00000001"
draft six 0x8009 CONFIG 0x1 --signer /tmp/alice.pem --second-signer /tmp/bob.pem && assemble six alice bob
exits 8 "nothing opens a quarantined one" dsmilctl write 0x8009 CONFIG 0x1 --grant /tmp/six.grant
draft seven 0x8064 CONFIG 0x1 --uid 1000 --signer /tmp/alice.pem && assemble seven alice
exits 8 "another user's grant opens nothing" dsmilctl write 0x8064 CONFIG 0x1 --grant /tmp/seven.grant
draft eight 0x8064 CONFIG 0x1 --old 0x7777 --signer /tmp/alice.pem && assemble eight alice
exits 8 "nor one that expects another value" dsmilctl write 0x8064 CONFIG 0x1 --grant /tmp/eight.grant
is 3 "$(lab journal --since "$mark" | grep -c WRITE)" "the firmware saw three writes"
exits 2 "a life of more than 300 s is a usage error" dsmilctl grants draft 0x8064 CONFIG 1 --seconds 301 \
	--signer /tmp/alice.pem --out /tmp/nine
exits 6 "an existing file is not overwritten" dsmilctl grants draft 0x8064 CONFIG 1 --signer /tmp/alice.pem \
	--out /tmp/eight
exits 2 "what is no draft is not assembled" dsmilctl grants assemble /tmp/alice.pem /tmp/five.alice --out /tmp/nine
finish
