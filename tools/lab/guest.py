# SPDX-License-Identifier: Apache-2.0
"""What the guest's initramfs holds: archives that the kernel unpacks one after
the other. What changes rarely comes first and is cached by content."""

import dataclasses
import hashlib
import json
import lzma
import os
import py_compile
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from cpio import Tree
from errors import EXIT_NOT_FOUND, EXIT_UNAVAILABLE, LabError

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CACHE = SOURCE / "build" / "lab" / "cache"

OUR_MODULES = ("dsmil.ko", "dsmil_dell.ko", "dsmil_sim.ko")
# With what they depend on. Built-in ones are left out.
DEBIAN_MODULES = ("dell-smbios", "virtio_console", "virtio_pci", "tpm_crb", "tpm_tis", "efivarfs")
# What busybox has not, or not whole. Its shell prefers its own of the same name.
PROGRAMS = ("/usr/bin/tpm2", "/usr/bin/sqlite3", "/usr/bin/openssl", "/usr/bin/curl", "/usr/bin/setpriv")
TPM_TOOLS = ("checkquote", "pcrread", "pcrextend", "getcap", "flushcontext", "nvreadpublic", "readpublic")
# Loaded by name at run time, so that ldd does not know them.
TCTI_LIBRARIES = ("libtss2-tcti-device.so.0", "libtss2-tctildr.so.0")
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")

USERS = (("root", 0, 0, "/root"), ("dsmil", 900, 900, "/var/lib/dsmil"), ("guest", 1000, 1000, "/home/guest"),
         ("alice", 1001, 1001, "/tmp"), ("bob", 1002, 1002, "/tmp"))
GROUPS = (("root", 0, ""), ("tss", 104, "dsmil"), ("dsmil", 900, "dsmil,alice,bob"), ("dsmil-approver", 903, "bob"),
          ("guest", 1000, ""), ("alice", 1001, ""), ("bob", 1002, ""))


def require(path):
    """The path, or an error that says which part of the build root is missing."""
    if not Path(path).exists():
        raise LabError(f"{path} is missing; run the lab inside the build root (tools/devroot)", EXIT_UNAVAILABLE)
    return Path(path)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Where an installed or pinned kernel has its parts."""

    image: Path
    modules: Path


def kernel_files(release):
    """A kernel of /boot, or one that tools/kernels/kernels has got."""
    installed = Path("/boot") / f"vmlinuz-{release}"
    if installed.exists():
        return Kernel(installed, Path("/usr/lib/modules") / release)
    modules = _pinned(release) / "usr/lib/modules" / release
    return Kernel(modules / "vmlinuz", modules)


def _pinned(release):
    """The folder of a kernel that was got; LabError says how to get it."""
    done = subprocess.run([SOURCE / "tools/kernels/kernels", "path", release], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise LabError(done.stderr.strip().removeprefix("kernels: "), EXIT_NOT_FOUND)
    return Path(done.stdout.strip())


def kernels():
    """The releases of /boot, the newest last."""
    images = [path.name.removeprefix("vmlinuz-") for path in Path("/boot").glob("vmlinuz-*")]
    return sorted(images, key=lambda release: [int(part) for part in re.findall(r"\d+", release)])


def pick_kernel(wanted):
    """The newest kernel of /boot whose release is `wanted` or starts so, or the newest of
    all. A pinned kernel (tools/kernels) is wanted by its whole release."""
    found = [release for release in kernels() if not wanted or (release + ".").startswith(wanted + ".")
             or release.startswith(wanted + "-")]
    pins = SOURCE / "tools" / "kernels" / "kernels.txt"
    if not found and any(line.split()[:1] == [wanted] for line in pins.read_text(encoding="ascii").splitlines()):
        return wanted
    if not found:
        raise LabError(f"no kernel '{wanted or 'any'}' in /boot; there: {', '.join(kernels()) or 'none'}",
                       EXIT_NOT_FOUND)
    return found[-1]


def _stamp(paths):
    """Changes when one of the files changes."""
    digest = hashlib.sha256()
    for path in paths:
        status = os.stat(path)
        digest.update(f"{path} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()[:16]


def cached(name, inputs, make):
    """The file build/lab/cache/NAME-STAMP, made by make() -> bytes when it is missing.
    Older files of that name go."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{name}-{_stamp([*inputs, Path(__file__), HERE / 'cpio.py'])}"
    if path.exists():
        return path
    data = make()
    with tempfile.NamedTemporaryFile(dir=CACHE, delete=False) as file:
        file.write(data)
    os.replace(file.name, path)
    for old in CACHE.glob(f"{name}-*"):
        if old != path and len(old.name) == len(path.name):
            old.unlink(missing_ok=True)
    return path


def _libraries(program):
    """The shared libraries of a program and the loader; nothing for a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    missing = re.findall(r"(\S+) => not found", done.stdout)
    if missing:
        raise LabError(f"{program} needs {', '.join(missing)}, which the build root does not have")
    return re.findall(r"(/\S+) \(0x", done.stdout)


def _add_program(tree, path, target, data=None):
    tree.file(target, data if data is not None else Path(path).read_bytes(), 0o755)
    for library in _libraries(path):
        real = os.path.realpath(library)
        # /lib and /lib64 are links into /usr in the guest as in Debian.
        place = library if library.startswith("/usr/") else "/usr" + library
        if not library.startswith(("/usr/lib", "/lib")):
            place = str(LIBRARIES / Path(library).name)
        tree.file(place, Path(real).read_bytes(), 0o755)


def _stripped(path):
    """A program without its debugging symbols, which would triple the archive."""
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(["strip", "-o", out.name, path], capture_output=True, check=False)
        return Path(out.name).read_bytes() if done.returncode == 0 else Path(path).read_bytes()


def _dependencies(base, release):
    """modules.dep of a kernel; only an installed package has it made already."""
    if (base / "modules.dep").exists():
        return (base / "modules.dep").read_text(encoding="ascii")
    with tempfile.TemporaryDirectory() as staging:
        (Path(staging) / "lib").symlink_to(base.parents[1])
        with tempfile.TemporaryDirectory() as out:
            subprocess.run(["depmod", "-b", staging, "-o", out, release], check=True,
                           stderr=subprocess.DEVNULL)
            return (Path(out) / "lib/modules" / release / "modules.dep").read_text(encoding="ascii")


def _module_files(release, names):
    """Paths of Debian's modules and what they depend on, dependencies first."""
    base = kernel_files(release).modules
    depends = {}
    for line in _dependencies(base, release).splitlines():
        path, _, rest = line.partition(":")
        depends[path] = rest.split()
    by_name = {Path(path).name.split(".")[0].replace("_", "-"): path for path in depends}
    ordered = []
    for name in names:
        path = by_name.get(name.replace("_", "-"))
        for each in [*reversed(depends.get(path, [])), path] if path else []:
            if each not in ordered:
                ordered.append(each)
    return [base / path for path in ordered]


def _read_module(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _add_users(tree):
    tree.file("etc/passwd", "".join(f"{name}:x:{uid}:{gid}::{home}:/bin/sh\n"
                                    for name, uid, gid, home in USERS).encode())
    tree.file("etc/group", "".join(f"{name}:x:{gid}:{members}\n" for name, gid, members in GROUPS).encode())
    tree.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files\n")
    tree.file("etc/hosts", b"127.0.0.1 localhost latitude\n")
    tree.directory("var/lib/dsmil", 0o700, (900, 900))
    tree.directory("home/guest", 0o755, (1000, 1000))
    tree.directory("root", 0o700)
    tree.directory("tmp", 0o1777)


def base_archive():
    """The guest without anything of ours."""
    busybox = require("/usr/bin/busybox")
    files = [require(path) for path in PROGRAMS]

    def make():
        tree = Tree()
        for name in ("bin", "sbin", "lib", "lib64"):
            tree.link(name, f"usr/{'bin' if name == 'sbin' else name}")
        tree.link("usr/sbin", "bin")
        for name in ("proc", "sys", "dev", "run", "mnt"):
            tree.directory(name)
        tree.character_device("dev/console", 5, 1)
        tree.character_device("dev/null", 1, 3, 0o666)
        tree.file("usr/bin/busybox", busybox.read_bytes(), 0o755)
        applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout
        for applet in applets.split():
            if applet != "busybox":
                tree.link(f"usr/bin/{applet}", "busybox")
        for path in files:
            _add_program(tree, path, str(path))
        for tool in TPM_TOOLS:
            tree.link(f"usr/bin/tpm2_{tool}", "tpm2")
        for name in TCTI_LIBRARIES:
            _add_program(tree, require(LIBRARIES / name), str(LIBRARIES / name))
        _add_users(tree)
        return tree.archive()

    stamps = [busybox, *files]
    return cached("base", stamps, make)


def modules_archive(release, directory):
    """Debian's modules and ours, with an index for modprobe."""
    debian = _module_files(release, DEBIAN_MODULES)
    # A module of ours may be built for this kernel only.
    ours = [Path(directory) / name for name in OUR_MODULES if directory and (Path(directory) / name).exists()]
    if directory and not ours:
        raise LabError(f"{directory} holds none of {', '.join(OUR_MODULES)}", EXIT_NOT_FOUND)

    def make():
        tree = Tree()
        with tempfile.TemporaryDirectory() as staging:
            base = Path(staging) / "lib" / "modules" / release
            base.mkdir(parents=True)
            for path in debian:
                (base / path.name.removesuffix(".xz")).write_bytes(_read_module(path))
            for path in ours:
                subprocess.run(["strip", "--strip-debug", "-o", base / path.name, path], check=True)
            for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
                listing = kernel_files(release).modules / name
                # Pinned kernels come without: then every module is looked for as a file.
                (base / name).write_bytes(listing.read_bytes() if listing.exists() else b"")
            subprocess.run(["depmod", "-b", staging, release], check=True)
            for path in sorted(base.iterdir()):
                tree.file(f"usr/lib/modules/{release}/{path.name}", path.read_bytes())
        return tree.archive()

    return cached(f"modules-{release}-{_directory_tag(directory)}", [*debian, *ours], make)


def _directory_tag(directory):
    return hashlib.sha256(str(directory).encode()).hexdigest()[:8]


def _installed_programs(build):
    """What a Meson build folder installs as a program."""
    plan = json.loads((build / "meson-info" / "intro-installed.json").read_text(encoding="utf-8"))
    return [Path(path) for path, target in plan.items()
            if re.search(r"/(bin|sbin|libexec)/", target) and Path(path).is_relative_to(build.resolve())]


def _programs(directory):
    """The programs of a folder: what it installs if it is a build folder, else every
    executable in it, not below."""
    if not directory.is_dir():
        raise LabError(f"{directory} is not a directory", EXIT_NOT_FOUND)
    if (directory / "meson-info").is_dir():
        paths = _installed_programs(directory)
    else:
        paths = [path for path in directory.iterdir() if path.suffix not in (".so", ".ko", ".sh", ".py")]
    return sorted(path for path in paths if path.is_file() and os.access(path, os.X_OK))


def programs_archive(directories, place):
    """The programs of the folders, in the guest's folder `place`."""
    programs = [path for directory in directories for path in _programs(Path(directory))]

    def make():
        tree = Tree()
        for path in programs:
            _add_program(tree, path, f"{place}/{path.name}", _stripped(path))
        return tree.archive()

    return cached(f"programs-{_directory_tag([place, *directories])}", programs, make)


def tools_archive(programs):
    """Programs of the build root with their libraries, at their own paths."""
    paths = [require(path) for path in programs]

    def make():
        tree = Tree()
        for path in paths:
            _add_program(tree, path, str(path))
        return tree.archive()

    return cached(f"tools-{_directory_tag(programs)}", paths, make)


_LIST_MODULES = """
import json, sys
for name in json.loads(sys.argv[1]):
    __import__(name)
paths = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
print(json.dumps(sorted(path for path in paths if path)))
"""


def _compiled(path):
    """A module's bytecode, which in the place of its source needs no time stamp."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "module.pyc"
        py_compile.compile(path, cfile=out, dfile=path, doraise=True)
        return out.read_bytes()


def python_archive(imports):
    """Python and exactly the modules that these imports load. Only tests carry it."""
    interpreter = require(os.path.realpath(sys.executable))

    def make():
        done = subprocess.run([interpreter, "-c", _LIST_MODULES, json.dumps(sorted(imports))],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"the guest's Python modules do not import here:\n{done.stderr}", EXIT_UNAVAILABLE)
        tree = Tree()
        _add_program(tree, interpreter, str(interpreter))
        tree.link("usr/bin/python3", interpreter.name)
        for path in json.loads(done.stdout):
            if path.endswith(".py"):
                tree.file(path + "c", _compiled(path))
            else:
                _add_program(tree, path, path)
        return tree.archive()

    return cached(f"python-{_directory_tag(sorted(imports))}", [interpreter], make)


def run_archive(script, settings, files):
    """What belongs to this run: /init, the guest's tool, the script, settings for the
    shell, and files {guest path: (bytes, mode)}."""
    tree = Tree()
    tree.file("init", (HERE / "guest" / "init").read_bytes(), 0o755)
    tree.file("usr/bin/lab", (HERE / "guest" / "lab").read_bytes(), 0o755)
    config = SOURCE / "docs" / "dsmild.toml"
    if config.exists():
        tree.file("etc/dsmil/dsmild.toml", config.read_bytes())
    if script:
        tree.file("lab/script", Path(script).read_bytes(), 0o755)
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in sorted(settings.items()))
    tree.file("lab/settings", "".join(lines).encode())
    for path, (data, mode) in files.items():
        tree.file(path, data, mode)
    return tree.archive()


def directory_files(directory):
    """{guest path: (bytes, mode)} of a directory that is laid over the guest's root."""
    files = {}
    for path in sorted(Path(directory).rglob("*")):
        if path.is_file():
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            files[str(path.relative_to(directory))] = (path.read_bytes(), mode)
    return files
