#!/usr/bin/env python3
"""Fails when an include points against the arrows of docs/architecture.md.

    check_includes.py [ROOT]       one line per violation; exit 1 when there is one
    check_includes.py --self-test  made-up violations, each of which must be found
"""
import pathlib
import re
import sys

# Who may include whom: the whole table. A room may always include itself.
CORE_BELOW_ENGINE = {"core/topk", "core/profile", "core/solve", "core/kernels", "core/bundle", "core/base"}
CORE_WITH_ENGINE = CORE_BELOW_ENGINE | {"core/engine"}
CORE_BELOW_LIFECYCLE = CORE_WITH_ENGINE | {"core/packing"}
ALLOWED = {
    "core/base": set(),
    "core/bundle": {"core/base"},
    "core/kernels": {"core/base"},
    "core/topk": {"core/kernels", "core/bundle", "core/base"},
    "core/solve": {"core/kernels", "core/bundle", "core/base"},
    "core/profile": {"core/kernels", "core/bundle", "core/base"},
    "core/engine": CORE_BELOW_ENGINE,
    "core/advice": CORE_WITH_ENGINE,
    "core/packing": CORE_WITH_ENGINE,
    "core/lifecycle": CORE_BELOW_LIFECYCLE,
    "server": CORE_BELOW_LIFECYCLE | {"core/advice", "core/lifecycle", "proto"},
    "trainer/base": {"core/bundle", "core/base"},
    "trainer/linalg": {"core/base", "trainer/base"},
    "trainer/data": CORE_BELOW_LIFECYCLE | {"trainer/linalg", "trainer/base"},
    "trainer/families": CORE_BELOW_LIFECYCLE | {"trainer/data", "trainer/linalg", "trainer/base"},
    "trainer/evaluation": CORE_BELOW_LIFECYCLE
    | {"core/advice", "trainer/families", "trainer/data", "trainer/linalg", "trainer/base"},
    "trainer/tuning": CORE_BELOW_LIFECYCLE
    | {"trainer/evaluation", "trainer/families", "trainer/data", "trainer/linalg", "trainer/base"},
    "trainer/reporting": CORE_BELOW_LIFECYCLE
    | {"trainer/tuning", "trainer/evaluation", "trainer/families", "trainer/data", "trainer/linalg", "trainer/base"},
    "trainer/commands": CORE_BELOW_LIFECYCLE
    | {"trainer/reporting", "trainer/tuning", "trainer/evaluation", "trainer/families", "trainer/data",
       "trainer/linalg", "trainer/base"},
    "clients/cpp": {"proto"},
    "clients/cli": {"clients/cpp", "proto"},
}
# The composition root of the `kindred` binary (docs/decisions/0001-house-rules.md).
EXCEPTIONS = {("clients/cli/main.cc", "trainer/commands/commands.h")}

# Headers that a room must not see, as patterns of what stands between <> or "".
SERVING = r"grpc|grpcpp/|google/(protobuf|rpc)/|hiredis|prometheus/|spdlog/|civetweb|rocksdb/|\.pb\.h$"
FORBIDDEN = {
    "core/": re.compile(SERVING + r"|^iostream$|^CLI/"),
    "trainer": re.compile(SERVING),
}
# core/ never prints and never exits.
FORBIDDEN_CALLS = re.compile(r"(?<![\w.>])(?:std::|::)?(printf|fprintf|puts|fputs|putchar|exit|_exit|quick_exit|abort)\s*\(")

# Files compiled with the flags of one instruction set: anything inline from elsewhere would be compiled with them too,
# and the linker might keep that copy for the whole program.
PER_ISA = re.compile(r"core/kernels/kernels_(?!scalar)\w+\.cc$")
PER_ISA_SYSTEM = re.compile(r"^(immintrin\.h|arm_neon\.h|cstddef|cstdint|cstring)$")

# Third-party headers that Google style quotes.
THIRD_PARTY = ("absl", "CLI", "Eigen", "google", "grpc", "grpc++", "grpcpp", "nlohmann", "prometheus", "rocksdb", "spdlog",
               "yaml-cpp")
SCANNED = ("core", "server", "trainer", "clients")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)")', re.M)


def strip_comments(text):
    """Blanks comments and string literals other than include paths, keeping line numbers."""

    def blank(match):
        token = match.group(0)
        return token if token.startswith('"') else re.sub(r"[^\n]", " ", token)

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def room_of(path):
    """The room that a repository path belongs to, or None."""
    parts = path.split("/")
    if path.startswith(("kindred/v1/", "google/rpc/")):  # generated from proto/
        return "proto"
    for depth in (2, 1):
        room = "/".join(parts[:depth])
        if room in ALLOWED and len(parts) > depth:
            return room
    return None


def check(files):
    """files: path → text. Returns the violations, each one line."""
    found = []
    for path, raw in sorted(files.items()):
        if path.endswith(".in"):  # CMake makes the header of it
            continue
        text = strip_comments(raw)
        room = room_of(path)
        if room is None:
            found.append(f"{path}:1: belongs to no room; known rooms are {', '.join(sorted(ALLOWED))}")
            continue

        def report(position, message):
            found.append(f"{path}:{text.count(chr(10), 0, position) + 1}: {message}")

        for match in INCLUDE.finditer(text):
            system, quoted = match.groups()
            header = system or quoted
            for prefix, pattern in FORBIDDEN.items():
                if room.startswith(prefix) and pattern.search(header):
                    report(match.start(), f"{prefix.rstrip('/')} must not include {header}")
            if PER_ISA.search(path):
                if quoted and room_of(quoted) != "core/kernels" or system and not PER_ISA_SYSTEM.match(system):
                    report(match.start(), f"a per-ISA file includes {header}; only core/kernels headers, intrinsics and "
                                          "plain C headers are allowed there")
            target = None if system else room_of(quoted)
            if system or target is None and quoted.split("/")[0] in THIRD_PARTY:
                continue
            if target is None:
                report(match.start(), f'"{quoted}" is not in a room; quote paths from the repository root; third-party '
                                      f"headers that may be quoted: {', '.join(THIRD_PARTY)}")
            elif target != room and target not in ALLOWED[room] and (path, quoted) not in EXCEPTIONS:
                allowed = ", ".join(sorted(ALLOWED[room])) or "nothing else"
                report(match.start(), f"{room} must not include {target} ({quoted}); it may include: {allowed}")
            elif target != "proto" and quoted not in files and f"{quoted}.in" not in files:
                report(match.start(), f'"{quoted}" does not exist')
        if room.startswith("core/"):
            code = re.sub(r'"(?:\\.|[^"\\\n])*"', lambda m: '"' + " " * (len(m.group(0)) - 2) + '"', text)
            for match in FORBIDDEN_CALLS.finditer(code):
                report(match.start(), f"core never prints and never exits: {match.group(1)}()")
    return found


def read_tree(root):
    files = {}
    for top in SCANNED:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cc", ".in"):
                files[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return files


def self_test():
    clean = {
        "core/base/types.h": "#pragma once\n#include <cstdint>\n",
        "core/kernels/kernels.h": '#include <string_view>\n#include "core/base/types.h"\n',
        "core/kernels/kernels_avx2.cc": '#include <immintrin.h>\n#include <cstdint>\n#include "core/kernels/kernels.h"\n',
        "core/kernels/kernels_scalar.cc": '#include <algorithm>\n#include "core/kernels/kernels.h"\n',
        "core/engine/model.h": '#include "core/base/types.h"\n#include "absl/status/status.h"\n#include "core/kernels/kernels.h"\n'
                               '// exit() is named in a comment, "server/x.h" too\n'
                               'const char* kText = "printf(";\nint n = snprintf(b, 4, "x"); it.exit(); p->abort();\n',
        "core/lifecycle/store.h": '#include "core/engine/model.h"\n',
        "server/main.cc": '#include <grpcpp/grpcpp.h>\n#include "core/lifecycle/store.h"\n'
                          '#include "kindred/v1/event.pb.h"\n',
        "trainer/commands/commands.h": '#include <iostream>\n#include "core/engine/model.h"\n',
        "clients/cpp/client.h": '#include "kindred/v1/event.pb.h"\n',
        "clients/cli/main.cc": '#include "clients/cpp/client.h"\n#include "trainer/commands/commands.h"\n',
    }
    # (file, text, what the one violation must say)
    wrong = [
        ("core/base/x.h", '#include "core/bundle/header.h"\n', "core/base must not include core/bundle"),
        ("core/bundle/x.cc", '#include "core/kernels/kernels.h"\n', "core/bundle must not include core/kernels"),
        ("core/kernels/x.cc", '#include "core/topk/scan.h"\n', "core/kernels must not include core/topk"),
        ("core/topk/x.cc", '#include "core/solve/nnls.h"\n', "core/topk must not include core/solve"),
        ("core/profile/x.cc", '#include "core/engine/model.h"\n', "core/profile must not include core/engine"),
        ("core/engine/x.cc", '#include "core/lifecycle/store.h"\n', "core/engine must not include core/lifecycle"),
        ("core/lifecycle/x.cc", '#include "server/config.h"\n', "core/lifecycle must not include server"),
        ("core/lifecycle/x.cc", '  #  include   "trainer/commands/commands.h"\n', "core/lifecycle must not include trainer"),
        ("trainer/data/x.cc", '#include "core/lifecycle/store.h"\n', "trainer/data must not include core/lifecycle"),
        ("trainer/data/x.cc", '#include "server/config.h"\n', "trainer/data must not include server"),
        ("trainer/data/x.cc", "#include <grpcpp/grpcpp.h>\n", "trainer must not include grpcpp/grpcpp.h"),
        ("server/x.cc", '#include "trainer/commands/commands.h"\n', "server must not include trainer"),
        ("server/x.cc", '#include "clients/cpp/client.h"\n', "server must not include clients/cpp"),
        ("clients/cpp/x.cc", '#include "core/base/types.h"\n', "clients/cpp must not include core/base"),
        ("clients/cpp/x.cc", '#include "clients/cli/query.h"\n', "clients/cpp must not include clients/cli"),
        ("clients/cli/query.cc", '#include "trainer/commands/commands.h"\n', "clients/cli must not include trainer"),
        ("clients/cli/main.cc", '#include "core/engine/model.h"\n', "clients/cli must not include core/engine"),
        ("core/engine/x.cc", "#include <grpcpp/grpcpp.h>\n", "core must not include grpcpp/grpcpp.h"),
        ("core/engine/x.cc", '#include "grpcpp/grpcpp.h"\n', "core must not include grpcpp/grpcpp.h"),
        ("core/kernels/kernels_avx2.cc", '#include "absl/status/status.h"\n', "per-ISA file includes absl/status"),
        ("core/engine/x.cc", "#include <google/protobuf/message.h>\n", "core must not include google/protobuf"),
        ("core/engine/x.cc", "#include <hiredis/hiredis.h>\n", "core must not include hiredis"),
        ("core/base/x.cc", "#include <prometheus/counter.h>\n", "core must not include prometheus"),
        ("core/base/x.cc", "#include <spdlog/spdlog.h>\n", "core must not include spdlog"),
        ("core/base/x.cc", "#include <iostream>\n", "core must not include iostream"),
        ("core/kernels/kernels_avx2.cc", "#include <vector>\n", "per-ISA file includes vector"),
        ("core/kernels/kernels_avx512_vnni.cc", '#include "core/base/types.h"\n', "per-ISA file includes core/base"),
        ("core/kernels/kernels_neon.cc", "#include <Eigen/Core>\n", "per-ISA file includes Eigen/Core"),
        ("core/base/x.cc", "\n\n#include \"types.h\"\n", "core/base/x.cc:3: \"types.h\" is not in a room"),
        ("core/base/x.cc", '#include "core/base/gone.h"\n', '"core/base/gone.h" does not exist'),
        ("core/engine/x.cc", "void F() {\n  std::exit(1);\n}\n", "core/engine/x.cc:2: core never prints"),
        ("core/engine/x.cc", 'void F() { printf("x"); }\n', "core never prints and never exits: printf"),
        ("core/engine/x.cc", 'void F() { fprintf(stderr, "x"); }\n', "fprintf"),
        ("clients/go/x.h", "\n", "belongs to no room"),
        ("core/cache/x.h", "\n", "belongs to no room"),
    ]
    targets = {"core/bundle/header.h", "core/topk/scan.h", "core/solve/nnls.h", "server/config.h", "clients/cli/query.h"}
    base = {**clean, **{path: "" for path in targets}}
    failures = [f"clean tree: {line}" for line in check(base)]
    for path, text, expected in wrong:
        lines = check({**base, path: text})
        if len(lines) != 1 or expected not in lines[0]:
            failures.append(f"{path}: {text!r}: expected one violation with {expected!r}, found {lines}")
    # Every edge that the table does not allow is found, and every edge that it allows is not.
    for source in ALLOWED:
        for target in set(ALLOWED) | {"proto"}:
            header = "kindred/v1/a.pb.h" if target == "proto" else f"{target}/z_target.h"
            lines = check({**base, f"{source}/z.h": f'#include "{header}"\n', f"{target}/z_target.h": ""}
                          if target != "proto" else {**base, f"{source}/z.h": f'#include "{header}"\n'})
            if bool(lines) != (target != source and target not in ALLOWED[source]):
                failures.append(f"edge {source} → {target}: {lines}")
    for line in failures:
        print(line)
    print(f"self-test: {len(wrong)} violations and {len(ALLOWED) * (len(ALLOWED) + 1)} edges tried, "
          f"{len(failures)} wrong")
    return 1 if failures else 0


def main(argv):
    if argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(argv[1]) if len(argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    files = read_tree(root)
    if not files:
        print(f"{root}: no .h or .cc file under {', '.join(SCANNED)}")
        return 1
    found = check(files)
    for line in found:
        print(line)
    print(f"{len(files)} files, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
