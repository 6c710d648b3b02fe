# SPDX-License-Identifier: Apache-2.0
# The front door. Every goal enters the build root (tools/devroot) by itself;
# NATIVE=1 uses the host's own compiler and libraries instead.
VERSION := $(file < VERSION)
.DEFAULT_GOAL := all

GOALS := all modules demo check bench bench-accel prove fuzz soak lint fmt lab-shell deb clean
HOST_GOALS := install uninstall dkms-install help distclean
.PHONY: $(GOALS) $(HOST_GOALS)

help:
	@echo 'dsmil $(VERSION)'
	@echo
	@echo '  make                build the kernel modules, the daemon and the tools'
	@echo '  make demo           boot the emulated Latitude and take the tour'
	@echo '  make check          the tests; ends with "N passed, N failed, N skipped"'
	@echo '  make bench          benchmarks against their named peers'
	@echo '  make bench-accel    the vector engine alone against the libraries that one would take instead'
	@echo '  make prove          proofs of the guard (CBMC)'
	@echo '  make soak           QUOTES (default 70000) quotes through a kernel'"'"'s TPM resource manager: hours'
	@echo '  make fuzz           every fuzzer for FUZZ_SECONDS (default 60) each, the kernel'"'"'s too'
	@echo '  make lint | fmt     check the style | apply it'
	@echo '  make lab-shell      a root shell in the emulated Latitude'
	@echo
	@echo '  make deb            Debian packages, in build/deb; TPM_ROOTS=DIR packs TPM makers'"'"' certificates, too'
	@echo '  make dkms-install   the kernel modules for this machine, by DKMS (root)'
	@echo '  make install        daemon and tools for this machine (root; PREFIX, DESTDIR)'
	@echo '  make uninstall      take both away again (root)'
	@echo '  make clean          delete what was built; distclean: the build root too'
	@echo
	@echo 'NATIVE=1 builds with the tools of this machine; V=1 shows the commands.'

# What has to fit this machine is built with this machine's tools.
install:
	@$(MAKE) --no-print-directory NATIVE=1 install-native

uninstall:
	@deploy/uninstall

dkms-install:
	@deploy/dkms-install

distclean: clean
	@tools/devroot/devroot clean

ifeq ($(DSMIL_DEVROOT)$(NATIVE),)

# ----------------------------------------------------- outside: go inside --
$(filter-out clean,$(GOALS)):
	@tools/devroot/devroot run $(MAKE) --no-print-directory $@ \
		$(foreach v,V FUZZ_SECONDS KERNEL BOARD TPM_ROOTS QUOTES,$(if $($(v)),$(v)=$($(v))))

clean:
	@rm -rf build

else

# --------------------------------------------------------- inside: do it --
Q := $(if $(V),,@)
RELEASES ?= $(if $(NATIVE),$(shell uname -r),$(patsubst /usr/src/linux-headers-%,%,$(wildcard /usr/src/linux-headers-*-amd64)))
NEWEST := $(lastword $(sort $(RELEASES)))
FUZZ_SECONDS ?= 60
# Progress while there is work, silence when there is none.
build = $(Q)ninja -C $(1) -n $(2) | grep -q 'no work to do' || ninja -C $(1) $(2)

all: modules build/release/build.ninja
	$(call build,build/release)

# Without the tests: what a user sees of the project.
.PHONY: programs
programs: modules build/release/build.ninja
	$(call build,build/release,daemon/dsmild daemon/dsmil-handoff tools/dsmilctl/dsmilctl)

build/release/build.ninja:
	$(Q)meson setup build/release --prefix=/usr --sysconfdir=/etc --localstatedir=/var > /dev/null

modules: $(RELEASES:%=module-%)

module-%:
	$(Q)tools/kbuild $* build/kernel/$*

demo: programs
	$(Q)tests/vm/tour --build build/release --modules build/kernel/$(NEWEST)/kernel

lab-shell: programs
	$(Q)tools/lab/lab shell --board $(or $(BOARD),full) --kernel $(or $(KERNEL),$(NEWEST)) \
		--modules build/kernel/$(or $(KERNEL),$(NEWEST))/kernel --bin build/release

check: all
	$(Q)tests/check

bench: modules
	$(Q)tests/bench/run

bench-accel:
	$(Q)tests/bench/run accel

prove:
	$(Q)tests/guard/prove

fuzz:
	$(Q)tests/fuzz/run $(FUZZ_SECONDS)
	$(Q)tests/testkernel/run fuzz seconds=$(FUZZ_SECONDS)

soak: programs
	$(Q)tests/vm/soak $(QUOTES)

lint: all
	$(Q)tools/lint/run

fmt:
	$(Q)tools/lint/run --fix

.PHONY: install-native
install-native: build/native/build.ninja
	$(call build,build/native)
	$(Q)meson install -C build/native --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))
	$(Q)deploy/after-install "$(DESTDIR)"

build/native/build.ninja:
	$(Q)meson setup build/native --prefix=$(or $(PREFIX),/usr/local) --buildtype=release -Dwerror=false -Dtests=false > /dev/null

deb: all
	$(Q)deploy/deb/build build/deb $(TPM_ROOTS)

clean:
	$(Q)rm -rf build

endif
