#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The units as installed, started by a real systemd when a real udev finds the devices.
# shellcheck source=/dev/null
. ./tap.sh
lab unload
sed -i '/^dsmil/d' /etc/passwd /etc/group
systemd-sysusers /usr/lib/sysusers.d/dsmil.conf 2>/dev/null
rm -rf /var/lib/dsmil /run/dsmil
ln -s ../../bin/dsmil-handoff /usr/libexec/dsmil/dsmil-handoff
mkdir -p /etc/dsmil/quarantine.d
echo 0x8005 >/etc/dsmil/quarantine.d/local
cat >/etc/dsmil/responses.toml <<-END
	[[response]]
	name = "tries"
	devices = ["0x8064"]
	when = ["write_refused"]
	at_least = 2
	do = ["deny_grants", "quarantine"]
END
mkdir -p /etc/dsmil/grant-keys.d
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null |
	openssl pkey -pubout -out /etc/dsmil/grant-keys.d/carol.pem

unshare -m -p -f ./start_systemd.sh >/run/systemd.log 2>&1 &
unshare=$!
child() { # not the script, but what it becomes
	systemd=$(tr -d ' ' <"/proc/$unshare/task/$unshare/children")
	[ "$(readlink "/proc/$systemd/exe")" = /usr/lib/systemd/systemd ]
}
systemctl() { # systemd answers only those whose process it sees
	nsenter -t "$systemd" -p -m -r /usr/bin/systemctl "$@"
}
active() {
	[ "$(systemctl is-active "$1")" = active ]
}
show() { # PROPERTY UNIT
	systemctl show --property="$1" --value "$2"
}
of_daemon() { # FIELD: of the main process, as the kernel sees it
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$daemon/status"
}
tpm_ready() {
	api /v1/health | grep -q '"tpm":"ready"'
}
started_again() {
	now=$(pidof dsmild) && [ "$now" != "$daemon" ]
}
quarantine_gone() {
	! active dsmil-quarantine.service
}
await 30 child
ok $? "systemd starts"
await 60 active multi-user.target
ok $? "it reaches multi-user.target"
is inactive "$(systemctl is-active dsmild.service)" "the daemon does not start without devices"
/usr/lib/systemd/systemd-udevd --daemon
modprobe dsmil_dell
if ! await 60 active dsmild.service; then
	ok 1 "the daemon starts when udev finds them"
	dmesg | tail -n 20 | sed 's/^/# /'
	kill -9 "$systemd"
	finish
	exit
fi
ok 0 "the daemon starts when udev finds them"
exits 0 "and answers" api /v1/health
await 30 tpm_ready
ok $? "with the TPM"
exits 0 "the quarantine's additions were made" active dsmil-quarantine.service
exits 8 "before anybody could write" dsmilctl write 0x8005 CONFIG 7
exits 0 "the keys that sign grants were enrolled" active dsmil-grant-keys.service
exits 0 "whose owners are named as their files" dsmilctl grants keys
says 'carol$' "and everybody sees them"
daemon=$(pidof dsmild)
user=$(id -u dsmil)
is "$user" "$(of_daemon Uid)" "the daemon is the user dsmil"
is 0000000000000000 "$(of_daemon CapEff)" "without a capability"
is 0000000000000000 "$(of_daemon CapPrm)" "and none to take"
is 1 "$(of_daemon NoNewPrivs)" "it gets no new privileges"
is 2 "$(of_daemon Seccomp)" "its system calls are filtered"
is "dsmil:dsmil 700" "$(stat -c '%U:%G %a' /var/lib/dsmil)" "the state belongs to it"
is "dsmil:dsmil" "$(stat -c '%U:%G' /run/dsmil)" "and the socket's directory"
view=/proc/$daemon/root
grep -q '^[^ ]* [^ ]* [^ ]* [^ ]* /usr ro' "/proc/$daemon/mountinfo"
ok $? "it sees /usr read-only"
exits 1 "no home" test -e "$view/home/guest"
exits 0 "and a /tmp of its own" test ! -e "$view/tmp/out"
exits 8 "a write without a grant is refused" dsmilctl write 0x8064 CONFIG 1
says 'signed grant' "for want of one"
exits 8 "and once more" dsmilctl write 0x8064 CONFIG 1
quarantined() {
	dsmilctl write 0x8064 CONFIG 1 2>&1 | grep -q 'is quarantined'
}
await 60 quarantined
ok $? "the response of the daemon, which has no capability, quarantines the device"
responded() {
	dsmilctl device responses 0x8064 | grep -q 'grants denied, quarantine done, by tries'
}
await 60 responded
ok $? "and shows that it is done"
exits 0 "killed" kill -9 "$daemon"
await 60 started_again
ok $? "it is started again"
await 60 active dsmild.service
exits 0 "and answers again" api /v1/health
exits 0 "it stops when asked" systemctl stop dsmild.service
is success "$(show Result dsmild.service)" "cleanly"
exits 0 "the modules go" lab unload
udevadm settle --timeout=60
await 30 quarantine_gone
ok $? "and the quarantine's unit with them"
modprobe dsmil_sim
await 60 active dsmild.service
ok $? "with the next load the daemon is there again"
exits 8 "and the quarantine" dsmilctl write 0x8005 CONFIG 7
exits 8 "that of the response, too" dsmilctl write 0x8064 CONFIG 1
says 'is quarantined' "which an admin has not cleared"
mkdir /tmp/additions /tmp/closed
ln -s /nowhere /tmp/additions/gone
echo 0x8006 >/tmp/additions/last
exits 1 "an addition that cannot be read fails the run" /usr/libexec/dsmil/dsmil-quarantine /tmp/additions
says 'additions/gone cannot be read' "is named"
exits 8 "and leaves none of the others open" dsmilctl write 0x8006 CONFIG 1
says 'is quarantined' "which is quarantined now"
chmod 0 /tmp/closed
exits 1 "a folder that cannot be read, too" as_guest /usr/libexec/dsmil/dsmil-quarantine /tmp/closed
systemctl stop dsmild.service
udevadm control --exit
kill -9 "$systemd"
finish
