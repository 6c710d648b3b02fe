# SPDX-License-Identifier: Apache-2.0
"""A second source tree of the kernel modules, for tests that change something in it."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def copy(place):
    """Makes the folder anew with all that its own tools/kbuild needs."""
    shutil.rmtree(place, ignore_errors=True)
    for part in ("kernel", "include/uapi", "tools/catalog", "tools/kernels"):
        shutil.copytree(ROOT / part, place / part)
    for part in ("VERSION", "tools/kbuild"):
        shutil.copy2(ROOT / part, place / part)
