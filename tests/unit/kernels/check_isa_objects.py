"""Fails when an object file compiled with ISA flags exports anything but its kernel table.

A weak symbol there (an inline function or a template of some header) may be the copy the linker keeps for the whole
program, and then a CPU without that ISA dies of an illegal instruction far from any kernel.

Usage: check_isa_objects.py NM ARCHIVE OBJECT=SYMBOL...
"""

import subprocess
import sys


def defined_globals(nm: str, archive: str) -> dict[str, set[str]]:
    """Object name -> symbols it defines for others."""
    listing = subprocess.run([nm, "--demangle", "--defined-only", "--extern-only", archive],
                             check=True, capture_output=True, text=True).stdout
    objects: dict[str, set[str]] = {}
    current = ""
    for line in listing.splitlines():
        if line.endswith(":"):
            current = line[:-1]
            objects[current] = set()
        elif line:
            objects[current].add(line.split(maxsplit=2)[2])
    return objects


def main() -> int:
    nm, archive, *expectations = sys.argv[1:]
    objects = defined_globals(nm, archive)
    failures = 0
    for expectation in expectations:
        name, symbol = expectation.split("=")
        if name not in objects:
            print(f"{archive}: no object {name}; found {sorted(objects)}")
            failures += 1
            continue
        if objects[name] != {symbol}:
            print(f"{archive}({name}): defines {sorted(objects[name])}, expected only {symbol}; "
                  "keep headers with inline code out of per-ISA files")
            failures += 1
    print(f"{len(expectations)} objects, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
