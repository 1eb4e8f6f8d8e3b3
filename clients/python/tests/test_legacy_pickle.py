"""Pickles as data: what honest files hold is read, whatever protocol wrote it; nothing that a file asks for is run."""
import collections
import gzip
import os
import pickle
import pickletools
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

from kindred.legacy import LegacyError, Limits, load

MARKER = "KINDRED_PICKLE_RAN"


def refused(path, data, says, limits=Limits()):
    """The file is an error that names it; and what it would have run did not run."""
    path.write_bytes(data)
    os.environ.pop(MARKER, None)
    modules = set(sys.modules)
    with pytest.raises(LegacyError, match=says) as error:
        load(path, limits)
    assert str(path) in str(error.value)
    assert MARKER not in os.environ and not (path.parent / "ran").exists()
    assert set(sys.modules) - modules <= {"bz2", "lzma"}, "a name of the file was imported"
    return str(error.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [
    {"a": 1, "ü": 2, "": 3}, {1: "a", -5: "b", 1 << 40: "c"}, [1, 2.5, None, True, False, "x", b"\x00\xff"], (), ((1, 2), [3]),
    set("abc"), collections.OrderedDict(b=1, a=2), {"n": {"m": [1]}}, "x" * 70000, b"y" * 70000, 255, 256, 65536, -1, 2**63,
    {f"user-{i}": i for i in range(3000)},
], ids=lambda value: type(value).__name__)
def test_plain_data_is_read_as_pickle_reads_it(tmp_path, value, protocol):
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert load(path) == value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("array", [
    np.arange(6).reshape(2, 3), np.asfortranarray(np.random.default_rng(1).normal(size=(3, 4))), np.array([1, 2], ">i4"),
    np.array(["ab", "ü"]), np.array([True, False]), np.zeros((0, 3)), np.array(["x", "yy"], object), np.array(3.5),
], ids=str)
def test_arrays(tmp_path, array, protocol):
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps({"a": array, "again": array}, protocol))
    read = load(path)
    if array.dtype == object:
        assert read["a"] == array.tolist()
    else:
        assert read["a"].dtype == array.dtype and read["a"].shape == array.shape
        np.testing.assert_array_equal(read["a"], array)
        np.testing.assert_array_equal(read["again"], array)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_scalars_and_defaultdicts(tmp_path, protocol):
    path = tmp_path / "m.pkl"
    value = collections.defaultdict(int, {"a": np.int64(3), "b": np.float32(0.5), "c": np.str_("x")})
    path.write_bytes(pickle.dumps(value, protocol))
    assert load(path) == {"a": 3, "b": 0.5, "c": "x"}


def test_python_2_strings_are_bytes(tmp_path):
    path = tmp_path / "m.pkl"
    path.write_bytes(b"(dp0\nS'user-1'\np1\nI0\nsS'user-2'\np2\nI1\ns.")
    assert load(path) == {b"user-1": 0, b"user-2": 1}
    path.write_bytes(b"\x80\x02}q\x00(U\x01aq\x01K\x00U\x01bq\x02L1L\nu.")
    assert load(path) == {b"a": 0, b"b": 1}


class Runs:
    """Pickles to a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Gadget:
    def __setstate__(self, state):
        os.environ[MARKER] = "1"


def test_calls_are_refused(tmp_path):
    path = tmp_path / "evil.pkl"
    code = f"__import__('os').environ.__setitem__('{MARKER}', '1')"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for value in (Runs(os.system, f"touch {tmp_path}/ran"), Runs(eval, code), Runs(exec, code), Runs(subprocess.Popen, "true"),
                      Runs(__import__, "antigravity"), Runs(getattr, "os", "system"), Runs(open, "/etc/passwd"),
                      {"a": Runs(os.system, f"touch {tmp_path}/ran")}, [Gadget()], Gadget()):
            said = refused(path, pickle.dumps(value, protocol), "not executed")
            assert "Allowed: dict, list" in said and "found the name" in said
    said = refused(path, pickle.dumps(Runs(os.system, "true")), "found the name 'posix.system'|'nt.system'")


def hand_made(*parts):
    return b"".join(parts) + b"."


@pytest.mark.parametrize("data, says", [
    # Names that are allowed, in uses that they are not allowed in.
    (hand_made(b"cnumpy\nndarray\n(I1000000000000\ntR"), "a call of numpy.ndarray"),
    (hand_made(b"cbuiltins\nint\n(S'1'\ntR"), "a call of builtins.int"),
    (hand_made(b"cbuiltins\nobject\n)\x81"), "an object of builtins.object"),
    (hand_made(b"c_codecs\nencode\n(S'a'\nS'zlib'\ntR"), "a call of _codecs.encode"),
    (hand_made(b"ccollections\ndefaultdict\n(cbuiltins\nint\nI1\ntR"), "a call of collections.defaultdict"),
    (hand_made(b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'O8'\nI0\nI1\ntRS'x'\ntR"), "a call of numpy"),
    (hand_made(b"cnumpy\ndtype\n(S'f8,f8'\ntR"), "the NumPy type"),
    (hand_made(b"cnumpy\ndtype\n(S'V0'\ntR"), "the NumPy type"),
    (hand_made(b"cnumpy\ndtype\n(S'M8'\ntR"), "the NumPy type"),
    (hand_made(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n(I1\ntR"), "a call of joblib"),
    # States for what has none: a dict, a class.
    (hand_made(b"}}b"), "a state given to"),
    (hand_made(b"ccollections\nOrderedDict\n}b"), "a state given to"),
    (hand_made(b"cscipy.sparse\ncsr_matrix\n}b"), "a state given to"),
    (hand_made(b"]N)Rb"), "a call of"),
    # Dotted names (protocol 4), persistent ids, extensions, old instances, buffers, keyword construction.
    (hand_made(b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93"), "'collections.OrderedDict.__init__'"),
    (hand_made(b"\x80\x04]\x8c\x01a\x93"), "the name"),
    (hand_made(b"P0\n"), "a persistent id"), (hand_made(b"NQ"), "a persistent id"),
    (hand_made(b"\x82\x01"), "a registered extension"), (hand_made(b"\x83\x01\x00"), "a registered extension"),
    (hand_made(b"(S'true'\nios\nsystem\n"), "INST"), (hand_made(b"(cos\nsystem\nS'true'\no"), "the name 'os.system'"),
    (hand_made(b"(No"), "OBJ"), (hand_made(b"\x97"), "out-of-band buffer"), (hand_made(b"N)}\x92"), "keyword arguments"),
    # Keys whose hash could take forever, and numbers that could collide.
    (hand_made(b"}))sN"), "as a key"), (hand_made(b"\x8f(]\x90"), "as a key"),
    (hand_made(b"\x8a\x20" + b"\x01" * 32), "an integer of 32 bytes"), (hand_made(b"\x8b\xff\xff\xff\x7f"), "an integer of"),
    # Stacks and memos that do not add up.
    (hand_made(b""), "a value that is not there"), (hand_made(b"0"), "a value that is not there"),
    (hand_made(b"t"), "a mark that is not there"), (hand_made(b"h\x05"), "memo 5"), (hand_made(b"(N"), None),
    (hand_made(b"}(Nu"), "a key has no value"), (hand_made(b"Na"), "a value that is not there"), (hand_made(b"NNa"), "appended to"),
    (hand_made(b"\x80\x09N"), "protocol 9"), (hand_made(b"\xfe"), "no pickle opcode"), (hand_made(b"Iabc\n"), "expected an integer"),
    (hand_made(b"(e"), "a value that is not there"), (hand_made(b"X\x02\x00\x00\x00\xff\xff"), "not UTF-8"),
], ids=range(42))
def test_hand_made_programs(tmp_path, data, says):
    if says is None:
        (tmp_path / "p.pkl").write_bytes(data)
        assert load(tmp_path / "p.pkl") is None  # a mark left below is no harm
        return
    refused(tmp_path / "p.pkl", data, says)


def test_every_truncation_is_an_error(tmp_path):
    whole = pickle.dumps({"a": np.arange(4), "b": [1, "x", 2.5, (1, 2)], "c": {"d": None}}, 4)
    for size in range(len(whole)):
        refused(tmp_path / "p.pkl", whole[:size], "truncated|not a pickle|damaged")


def test_every_flipped_byte_is_data_or_an_error(tmp_path):
    """Whatever bytes come, there is an answer or a LegacyError: no other exception, no crash."""
    path = tmp_path / "p.pkl"
    for protocol in (0, 2, 4, 5):
        whole = bytearray(pickle.dumps({"a": np.arange(4.0), "b": [1, "x", 2.5, (1, 2), {3}], "c": collections.OrderedDict(d=1)},
                                       protocol))
        for at in range(len(whole)):
            for value in (0, ord("."), ord("R"), ord("b"), 0x81, whole[at] ^ 1):
                path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1:])
                try:
                    load(path, Limits(max_bytes=1 << 20, max_operations=10000))
                except LegacyError as error:
                    assert str(path) in str(error)
    assert MARKER not in os.environ


@pytest.mark.parametrize("wrapper", [zlib.compress, gzip.compress])
def test_a_compressed_bomb_is_refused_before_it_fills_memory(tmp_path, wrapper):
    """A length without its bytes, then millions of lists, memos and values out of a few KiB: in a process of 1 GiB."""
    resource = pytest.importorskip("resource")
    bombs = {"bytes": b"\x8e" + struct.pack("<Q", 1 << 33), "lists": b"]" * (1 << 24), "memo": b"N" + b"\x94" * (1 << 24),
             "stack": b"N" * (1 << 24)}
    for name, data in bombs.items():
        path = tmp_path / f"{name}.pkl"
        path.write_bytes(wrapper(data))
        script = ("import resource, sys\n"
                  "from kindred.legacy import load, LegacyError, Limits\n"
                  "limit = 1 << 30\n"
                  "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
                  "try:\n    load(sys.argv[1], Limits(max_bytes=1 << 28, max_operations=1_000_000))\n"
                  "except LegacyError as error:\n    print(error)\n")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        result = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=120,
                                env=environment)
        assert result.returncode == 0, result.stderr
        assert "Limits.max_" in result.stdout, (name, result.stdout)
    assert resource


def test_nesting_is_no_recursion(tmp_path):
    path = tmp_path / "deep.pkl"
    depth = 300_000
    path.write_bytes(b"]" * depth + b"a" * (depth - 1) + b".")
    assert isinstance(load(path), list)
    with pytest.raises(LegacyError, match="max_containers"):
        load(path, Limits(max_containers=1000))
    # Tuples that hold themselves twice, 60 deep: 2^60 to walk, one step each to read.
    path.write_bytes(b")" + b"2\x86" * 60 + b".")
    assert isinstance(load(path), tuple)
    refused(path, b"}" + b")" + b"2\x86" * 60 + b"Ns.", "as a key")


def test_joblib_layout(tmp_path):
    """Arrays lie outside of the opcodes, padded; in all of joblib's own compressions. Written here by hand: no joblib needed."""
    array = np.arange(12.0).reshape(3, 4)
    state = (b"}(X\x05\x00\x00\x00shapeK\x03K\x04\x86X\x05\x00\x00\x00orderX\x01\x00\x00\x00CX\x05\x00\x00\x00dtype"
             b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
             b"X\x1b\x00\x00\x00numpy_array_alignment_bytesK\x10u")
    data = (b"\x80\x02}X\x01\x00\x00\x00acjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81" + state + b"b" + b"\x05" + b"\xff" * 5 +
            array.tobytes() + b"s.")
    import bz2
    import lzma
    path = tmp_path / "m.joblib"
    for wrapper in (bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress, lambda b: lzma.compress(b, lzma.FORMAT_ALONE)):
        path.write_bytes(wrapper(data))
        np.testing.assert_array_equal(load(path)["a"], array)
        if wrapper is not bytes:
            whole = path.read_bytes()
            refused(path, whole[:len(whole) // 2], "truncated|cannot be decompressed")
    refused(path, data[:-20], "truncated")
    refused(path, b"\x04\x22\x4d\x18" + b"0" * 20, "LZ4")
    refused(path, b"ZF0x10" + b"0" * 20, "older than 0.10")
    huge = data.replace(b"K\x03K\x04\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86")
    refused(path, huge, "max_bytes")


def test_the_reader_uses_no_unpickler():
    """The converter imports neither pickle nor anything that could run what a file names."""
    import pathlib

    import kindred.legacy
    for source in pathlib.Path(kindred.legacy.__file__).parent.glob("*.py"):
        text = source.read_text()
        for forbidden in ("import pickle", "import joblib", "importlib", "__import__", "eval(", "exec(", "allow_pickle=True"):
            assert forbidden not in text, f"{source.name}: {forbidden}"
    assert pickletools  # the standard's own list of opcodes:
    from kindred.legacy import _pickle
    known = {opcode.code.encode("latin-1") for opcode in pickletools.opcodes} - {b"."}
    assert known == set(_pickle._HANDLERS) | set(_pickle._REFUSED)
