# SPDX-License-Identifier: Apache-2.0
"""What the lab's commands end with. The numbers are those of dsmilctl."""

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_UNAVAILABLE = 5


class LabError(Exception):
    """A plain sentence for the user, and the code to exit with."""

    def __init__(self, message, exit_code=EXIT_FAILED):
        super().__init__(message)
        self.exit_code = exit_code
