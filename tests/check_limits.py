#!/usr/bin/env python3
"""Fails when docs/operations.md says something else about a limit than server/limits.h.

    check_limits.py [ROOT]       one line per limit that is missing or differs; exit 1 when there is one
    check_limits.py --self-test  made-up pages, each of whose faults must be found
"""
import pathlib
import re
import sys

HEADER = "server/limits.h"
PAGE = "docs/operations.md"
SECTION = "## Limits"
CONSTANT = re.compile(r"inline constexpr [\w:]+ (k\w+) = ([^;]+);")
# What a value may be written as: numbers with digit separators and suffixes, shifted, or with an exponent.
EXPRESSION = re.compile(r"^\s*([\d']+)(?:e(\d+)|[uUlL]*\s*(?:<<\s*(\d+))?)\s*$")


def value_of(expression: str) -> int | None:
    match = EXPRESSION.match(expression)
    if match is None:
        return None
    return int(match.group(1).replace("'", "")) * 10 ** int(match.group(2) or 0) << int(match.group(3) or 0)


def spellings(value: int) -> list[str]:
    """How a page may write it: 16384, 16,384, 16 KiB."""
    found = [str(value), f"{value:,}"]
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= unit and value % unit == 0:
            found.append(f"{value // unit} {name}")
    return found


def rows(page: str) -> list[str]:
    section = page.partition(f"\n{SECTION}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")]


def check(header: str, page: str) -> list[str]:
    """What is wrong, a line each."""
    constants = CONSTANT.findall(header)
    if not constants:
        return [f"{HEADER}: no constant found"]
    faults = []
    for name, expression in constants:
        value = value_of(expression)
        if value is None:
            faults.append(f"{HEADER}: {name} = {expression}: expected a number, with << at most")
            continue
        of_name = [row for row in rows(page) if f"`{name}`" in row]
        if not of_name:
            faults.append(f"{PAGE}: no row of '{SECTION}' names `{name}` ({' or '.join(spellings(value))})")
            continue
        # Not part of a longer number.
        pattern = "|".join(rf"(?<![\d,.]){re.escape(text)}(?![\d]|,\d)" for text in spellings(value))
        faults += [f"{PAGE}: the row of `{name}` does not say {' or '.join(spellings(value))}: {row}"
                   for row in of_name if not re.search(pattern, row)]
    known = {name for name, _ in constants}
    for row in rows(page):
        faults += [f"{PAGE}: {HEADER} has no {name}: {row}" for name in re.findall(r"`(k[A-Z]\w+)`", row)
                   if name not in known]
    return faults


def self_test() -> None:
    assert [value_of(text) for text in ("1e6", "4u << 20", "1'024", "1.5")] == [10**6, 4 << 20, 1024, None]
    header = "inline constexpr int kMaxThings = 1'000;\ninline constexpr size_t kMaxBytes = 16u << 10;\n"
    page = "# x\n\n## Limits\n\n| things | 1 to 1,000 | `kMaxThings` |\n| bytes | 16 KiB | `kMaxBytes` |\n\n## Errors\n"
    assert check(header, page) == [], check(header, page)
    for fault, changed_header, changed_page in [
            ("does not say 1000 or 1,000", header, page.replace("1,000", "10,000")),
            ("does not say 1000 or 1,000", header, page.replace("1,000", "1,000,000")),
            ("does not say 32768", header.replace("16u", "32u"), page),
            ("no row of '## Limits' names `kMaxBytes`", header, page.replace("kMaxBytes", "other")),
            ("no row of '## Limits' names `kMaxThings`", header, page.replace("## Limits", "## Other")),
            ("has no kMaxOld", header, page.replace("| things", "| `kMaxOld` things")),
            ("expected a number", header.replace("16u << 10", "kOther"), page),
            ("no constant found", "", page)]:
        found = check(changed_header, changed_page)
        assert any(fault in line for line in found), (fault, found)


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        self_test()
        return 0
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    faults = check((root / HEADER).read_text(encoding="utf-8"), (root / PAGE).read_text(encoding="utf-8"))
    print("\n".join(faults + [f"{len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
