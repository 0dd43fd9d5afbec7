"""Every file that the packages write appears whole or not at all, and holds no code."""

import ast
import errno
import os
import resource
import signal
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import analysis
import htp
import multipliers
import torchapprox
from analysis.cosimulation.operand_stream import OperandStream
from analysis.selection import Assignment
from multipliers import array_multiplier, get
from multipliers.whole_file import write_whole
from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from torchapprox import Trace
from torchapprox.export import export_onnx

PACKAGES = (multipliers, htp, torchapprox, analysis)
SOURCES = [
    path for package in PACKAGES for path in Path(package.__file__).parent.rglob("*.py")
]  # fmt: skip


def codes(seed):
    return np.random.default_rng(seed).integers(0, 256, 10_000, dtype=np.uint8)


def traced(path):
    model = converted_cnn(random_multiplier())
    with torchapprox.trace(model) as traces:
        model(images())
    Trace(traces).save(path)


WRITERS = {
    "table.npz": lambda path: multipliers.save(random_multiplier(), path),
    "table.npy": lambda path: multipliers.save(random_multiplier(), path),
    "table.csv": lambda path: multipliers.save(random_multiplier(), path),
    "table.h": lambda path: multipliers.save(random_multiplier(), path),
    "netlist.v": lambda path: multipliers.write_netlist(array_multiplier(signed=True), path),
    "model.json": lambda path: htp.accurate_model().save(path),
    "trace.npz": traced,
    "assignment.json": lambda path: Assignment({"a": get("mul8s_bam_h0_v8")}).save(path),
    "stream.npz": lambda path: OperandStream(codes(0), codes(1)).save(path),
    "network.onnx": lambda path: export_onnx(converted_cnn(get("mul8s_bam_h0_v8")), images(), path),
}


@contextmanager
def files_of_at_most(size):
    """Have the operating system refuse to write beyond so many bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore:Constant folding")
@pytest.mark.bad_input("full-disk")
def test_a_write_that_fails_in_the_middle_leaves_the_old_file(name, tmp_path, monkeypatch):
    path = tmp_path / name
    path.write_bytes(b"old")

    def write_half(target, content):
        assert len(content) > 100
        with files_of_at_most(100):
            write_whole(target, content)

    for module in list(sys.modules.values()):
        if getattr(module, "write_whole", None) is write_whole and module.__name__ != __name__:
            monkeypatch.setattr(module, "write_whole", write_half)
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        WRITERS[name](path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a child")
@pytest.mark.bad_input("interrupted-write")
def test_a_process_that_is_killed_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.npz"
    path.write_bytes(b"old")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forking with threads
        child = os.fork()
    if child == 0:
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        write_whole(path, bytes(10_000))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert [file.name.startswith(".table.npz.") for file in tmp_path.iterdir() if file != path] == [
        True
    ]


@pytest.mark.bad_input("interrupted-write")
def test_an_interrupt_in_the_middle_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "table.npz"
    path.write_bytes(b"old")

    def interrupt(_):
        raise KeyboardInterrupt("in the middle")

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt, match="in the middle"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


FORBIDDEN = {"eval", "exec", "compile", "pickle", "cPickle", "dill", "cloudpickle", "marshal",
             "shelve", "joblib", "yaml"}  # fmt: skip


def runs_code(tree):
    """Yield the line of everything by which a file could run code when it is read."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").split(".")[0]]
        elif isinstance(node, ast.Call):
            keywords = {keyword.arg: getattr(keyword.value, "value", None)
                        for keyword in node.keywords}  # fmt: skip
            called = ast.unparse(node.func)
            names = [called]
            if called == "torch.load" and keywords.get("weights_only") is not True:
                yield node.lineno
            if called in {"np.load", "np.lib.format.read_array"} and (
                keywords.get("allow_pickle") is not False
            ):
                yield node.lineno
            if called in {"np.save", "np.lib.format.write_array"} and (
                keywords.get("allow_pickle") is not False
            ):
                yield node.lineno
        if FORBIDDEN.intersection(names):
            yield node.lineno


@pytest.mark.bad_input("no-code")
def test_no_file_is_read_in_a_way_that_runs_code():
    assert len(SOURCES) > 300
    found = {path.name: lines for path in SOURCES
             if (lines := list(runs_code(ast.parse(path.read_text()))))}  # fmt: skip
    assert found == {}


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from yaml import load", "torch.load(p)", "torch.load(p, weights_only=False)",
     "np.load(p)", "np.load(p, allow_pickle=True)", "np.save(p, a)", "eval(text)"],
)  # fmt: skip
def test_the_search_finds_what_it_is_for(text):
    assert list(runs_code(ast.parse(text))) == [1]


@pytest.mark.bad_input("no-code")
def test_a_checkpoint_loads_without_running_code(tmp_path):
    model = converted_cnn(random_multiplier())
    torch.save(model.state_dict(), tmp_path / "model.pt")
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    other = converted_cnn(None)
    other.load_state_dict(state)
    assert torch.equal(other(images()), model(images()))
