"""Names the machine that a figure was measured on."""

import os
import pathlib
import platform


def _cpuinfo(key: str) -> str:
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return ""


def describe() -> str:
    """For example "Intel(R) Xeon(R) Processor, 2 cores, avx2 avx512f avx512_vnni, Linux 6.1"."""
    flags = set(_cpuinfo("flags").split())
    isa = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "asimd") if flag in flags]
    parts = [_cpuinfo("model name") or platform.processor() or platform.machine(), f"{os.cpu_count()} cores",
             " ".join(isa), f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"]
    return ", ".join(part for part in parts if part)
