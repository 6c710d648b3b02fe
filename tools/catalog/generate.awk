# SPDX-License-Identifier: Apache-2.0
# Turns devices.csv into the tables that the kernel, user space and the lab
# compile: one line a device and one a register, as macros that the includer
# defines.
#
#   awk -f generate.awk devices.csv > dsmil_catalog.def
#
# DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, layer, layer_name, service_name, clearance)
#   layer 0, empty names and clearance 0: no service device is bound.
# DSMIL_EMULATED_REGISTER(token, location, value)
#   what an emulated board (the lab, dsmil_sim) holds at power-on.

# One CSV line into field[1..n]; a quoted field may hold commas.
function split_csv(line, field,    n, rest)
{
	n = 0
	rest = line
	while (1) {
		n++
		if (match(rest, /^"[^"]*"/)) {
			field[n] = substr(rest, 2, RLENGTH - 2)
			rest = substr(rest, RLENGTH + 1)
		} else {
			match(rest, /^[^,]*/)
			field[n] = substr(rest, 1, RLENGTH)
			rest = substr(rest, RLENGTH + 1)
		}
		if (rest == "")
			return n
		rest = substr(rest, 2)
	}
}

function fail(why)
{
	printf "devices.csv:%d: %s\n", NR, why > "/dev/stderr"
	failed = 1
	exit 1
}

# An emulated board scatters locations over 324 cells, outside the token range
# (0x8000-0x8143), so that code which confuses token and location fails. 131 is
# prime to 324, so this is a permutation.
function location(index_) { return 1024 + (index_ * 131 + 17) % 324 }

BEGIN {
	header = "number,device_id,token_base,group,group_name,firmware_name,risk,risk_reason,layer,layer_name,service_name,clearance"
	# CONFIG of device 48 (safe) shares its location with CONFIG of device 41
	# (quarantined), as tokens of real boards do.
	alias_of = 48 * 3 + 1
	alias_to = 41 * 3 + 1
	print "/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0 */"
	print "/* Generated from tools/catalog/devices.csv by tools/catalog/generate.awk. Do not edit. */"
}

{ sub(/\r$/, "") }

NR == 1 {
	if ($0 != header)
		fail("unknown columns")
	next
}

{
	n = split_csv($0, f)
	if (n != 12)
		fail("expected 12 fields, found " n)
	number = NR - 2
	if (f[1] != number)
		fail("device numbers must run from 0")
	if (f[2] != sprintf("0x%04X", 32768 + number) || f[3] != sprintf("0x%04X", 32768 + 3 * number))
		fail("id or token base does not match the number")
	if (f[7] !~ /^(safe|monitored|guarded|locked|quarantined)$/)
		fail("unknown risk " f[7])
	if (length(f[6]) > 31 || length(f[5]) > 31 || length(f[10]) > 15 || length(f[11]) > 39)
		fail("a name is too long for the ABI")
	devices = devices sprintf("DSMIL_DEVICE(%d, %s, %s, %d, \"%s\", \"%s\", %s, %d, \"%s\", \"%s\", %s)\n",
		number, f[2], f[3], f[4], f[5], f[6], toupper(f[7]),
		f[9] == "" ? 0 : f[9], f[10], f[11], f[12] == "" ? "0x0" : f[12])
	for (reg = 0; reg < 3; reg++) {
		i = 3 * number + reg
		at = i == alias_of ? alias_to : i
		registers = registers sprintf("DSMIL_EMULATED_REGISTER(0x%04X, 0x%04X, 0x%08X)\n",
			32768 + i, location(at), 13631488 * 256 + at * 4096 + (at * 37) % 4096)
	}
}

END {
	if (failed)
		exit 1
	if (NR != 109)
		fail("expected 108 devices, found " NR - 1)
	print "#ifdef DSMIL_DEVICE"
	printf "%s", devices
	print "#undef DSMIL_DEVICE"
	print "#endif"
	print "#ifdef DSMIL_EMULATED_REGISTER"
	printf "%s", registers
	print "#undef DSMIL_EMULATED_REGISTER"
	print "#endif"
}
