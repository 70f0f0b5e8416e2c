"""Programs and shared libraries of a set of files, by names that do not depend on where a distribution puts them."""

import re

PROGRAMS = re.compile(r"(?:usr/)?(?:s?bin|games)/([^/]+)$")
LIBRARIES = re.compile(r"(?:usr/)?(lib(?:32|64|x32|exec)?)/(?:[a-z0-9_]+-linux-gnu[a-z0-9]*/)?(.+)$")
EXECUTABLE, SHARED = 2, 3


class Names:
    """Programs (of bin, sbin, games, and executables below lib) and libraries (shared objects below lib)."""

    def __init__(self):
        self.programs = set()
        self.libraries = set()

    def add(self, path, permissions, head):
        """Takes a file by its path, its mode and its first 20 bytes (None: a link)."""
        if program := PROGRAMS.match(path):
            self.programs.add(program[1])
        elif (place := LIBRARIES.match(path)) and head and head[:4] == b"\x7fELF":
            kind = int.from_bytes(head[16:18], "little")
            # A version is no part of a name: libz.so.1.2.13, libgdbm-1.23.so and libz.so are one library.
            name = re.sub(r"\.so[.0-9]*$", ".so", place[2])
            prefix = f"{place[1]}/" if place[1] in ("lib32", "libx32") else ""
            if ".so" in place[2] and kind == SHARED:
                self.libraries.add(prefix + name)
            elif kind in (EXECUTABLE, SHARED) and permissions & 0o111:
                self.programs.add(name.rsplit("/", 1)[-1])
