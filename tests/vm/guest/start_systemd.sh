#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Becomes a systemd: as the first process of a PID namespace, on a root that can be
# pivoted, which an initramfs cannot.  unshare -m -p -f start_systemd.sh
set -e
mkdir /newroot
mount -t tmpfs -o mode=0755 newroot /newroot
cd /newroot
mkdir usr etc var root home lab dev sys run proc tmp
cp -P /bin /sbin /lib /lib64 .
for part in usr etc var root home lab; do mount --bind "/$part" "$part"; done
for part in dev sys run; do mount --rbind "/$part" "$part"; done
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t proc proc proc
mount -t tmpfs -o mode=1777 tmp tmp
mount --move . /
exec chroot . /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=kmsg --show-status=no \
	--default-standard-output=kmsg
