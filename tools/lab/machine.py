# SPDX-License-Identifier: Apache-2.0
"""The emulated Latitude's processes: QEMU and the software TPM."""

import contextlib
import ctypes
import os
import signal
import shutil
import socket
import subprocess
import time
from pathlib import Path

import guest
import secure_boot
import tables
from errors import EXIT_UNAVAILABLE, LabError

# What a start may take before we give up on it.
START_SECONDS = 20


def _program(name):
    path = shutil.which(name)
    if not path:
        raise LabError(f"{name} is missing; run the lab inside the build root (tools/devroot)", EXIT_UNAVAILABLE)
    return path


def _die_with_parent():
    """In the child: the kernel ends it with us, however we end."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def end(process):
    """Ends one of our own processes, by its id."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(path, process, log):
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            text = log.read_text(errors="replace").strip() if log.exists() else ""
            raise LabError(f"{Path(process.args[0]).name} did not start: {text or 'no message'}")
        time.sleep(0.01)


@contextlib.contextmanager
def software_tpm(state, sockets, log):
    """A TPM 2.0 whose state lives in `state`; yields its control socket."""
    state.mkdir(parents=True, exist_ok=True)
    control = sockets / "tpm"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_program("swtpm"), "socket", "--tpm2", "--tpmstate", f"dir={state}",
             "--ctrl", f"type=unixio,path={control}", "--flags", "not-need-init", "--terminate"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)
    try:
        _wait_for(control, process, log)
        yield control
    finally:
        end(process)


# The emulator says that it copies and clears fast, and does so a byte at a time.
PROCESSOR = "max,-erms,-fsrm,-fsrs"


def _command_line(setup, sockets, tpm):
    smbios, ssdt = tables.write_tables(setup.out / "tables", setup.board)
    console = "stdio,mux=on,signal=off" if setup.show_console else "null"
    arguments = [
        _program("qemu-system-x86_64"),
        "-machine", "q35,usb=off", "-accel", "tcg,thread=multi", "-cpu", PROCESSOR, "-smp", "2", "-m", "1024",
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-vga", "none", "-nic", "none",
        "-kernel", guest.kernel_files(setup.kernel).image, "-initrd", setup.initramfs,
        "-append", "console=ttyS0 quiet oops=panic panic=-1 mitigations=off no_timer_check rdinit=/init",
        "-smbios", "type=1,manufacturer=Dell Inc.,product=Latitude 5450,serial=DSMIL-LAB",
        "-acpitable", f"file={ssdt}",
        "-chardev", f"file,id=journal,path={setup.out / 'journal.bin'}",
        "-device", f"isa-debugcon,iobase={tables.JOURNAL_PORT:#x},chardev=journal",
        "-chardev", f"{console},id=console,logfile={setup.out / 'console.log'}",
        "-serial", "chardev:console",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=lab,path={sockets / 'lab'},server=on,wait=off",
        "-device", "virtserialport,chardev=lab,name=org.dsmil.lab",
    ]
    if setup.variables:
        arguments += secure_boot.machine_arguments(setup.variables)
    if setup.show_console:
        arguments += ["-mon", "chardev=console,mode=readline"]
    for path in smbios:
        arguments += ["-smbios", f"file={path}"]
    if tpm:
        arguments += ["-chardev", f"socket,id=tpm,path={tpm}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                      "-device", "tpm-crb,tpmdev=tpm0"]
    return [str(argument) for argument in arguments]


@contextlib.contextmanager
def latitude(setup, sockets, tpm):
    """A booting machine; yields (process, connected socket of the lab's port)."""
    log = setup.out / "qemu.log"
    arguments = _command_line(setup, sockets, tpm)
    (setup.out / "journal.bin").write_bytes(b"")
    with log.open("wb") as errors:
        process = subprocess.Popen(arguments, stdin=None if setup.show_console else subprocess.DEVNULL,
                                   stdout=None if setup.show_console else errors, stderr=errors,
                                   preexec_fn=_die_with_parent)
    try:
        _wait_for(sockets / "lab", process, log)
        with socket.socket(socket.AF_UNIX) as port:
            port.connect(os.fspath(sockets / "lab"))
            yield process, port
    finally:
        end(process)
