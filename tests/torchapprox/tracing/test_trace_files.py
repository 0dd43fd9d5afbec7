"""Traces on disk: what is written comes back, and anything else is refused."""

import json
from dataclasses import fields

import numpy as np
import pytest

from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from torchapprox import LayerTrace, Trace, trace


@pytest.fixture(scope="module")
def traces():
    model = converted_cnn(random_multiplier(limit=2**8))
    with trace(model, rows=5) as traces:
        model(images(3))
    return traces


@pytest.fixture
def path(traces, tmp_path):
    traces.save(tmp_path / "trace.npz")
    return tmp_path / "trace.npz"


def rewrite(path, change):
    """Change the arrays of a file, as a dictionary with the header's text."""
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(str(arrays["header"]))
    change(arrays, header)
    arrays["header"] = np.array(json.dumps(header))
    np.savez(path, **arrays)


def test_what_is_written_comes_back(traces, path):
    loaded = Trace.load(path)
    assert list(loaded) == list(traces)
    for name, layer in traces.items():
        for field in fields(LayerTrace):
            if field.name != "sample":
                value = getattr(loaded[name], field.name)
                np.testing.assert_array_equal(value, getattr(layer, field.name))
                assert type(value) is type(getattr(layer, field.name))
        np.testing.assert_array_equal(loaded[name].sample.x_codes, layer.sample.x_codes)
        np.testing.assert_array_equal(loaded[name].w_codes, layer.w_codes)


def test_files_hold_nothing_that_is_executed(path):
    with np.load(path, allow_pickle=False) as file:
        assert all(not array.dtype.hasobject for array in file.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _, header: header.update(version=1), "of version 1, this program reads version 2"),
        (lambda _, header: header.update(format="other"), "it has another header"),
        (lambda arrays, _: arrays.pop("1/scale"), "1/scale"),
        (lambda _, header: header["layers"][0].pop("rows"), "rows"),
        (
            lambda arrays, _: arrays.update({"0/scale": np.zeros(4, np.float32)}),
            r"'scale' of layer '0.wrapped' must be float64 \(4,\), got float32 \(4,\)",
        ),
        (
            lambda arrays, _: arrays.update({"0/w_codes": np.zeros((1, 3, 18), np.uint8)}),
            "'0.wrapped' must have weights of 4 channels",
        ),
    ],
)
@pytest.mark.bad_input("later-file")
def test_other_content_is_refused(path, change, message):
    rewrite(path, change)
    with pytest.raises(ValueError, match=message):
        Trace.load(path)


@pytest.mark.bad_input("damaged-file")
def test_damaged_files_are_refused(path):
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"trace\.npz: not a readable trace"):
            Trace.load(path)


@pytest.mark.bad_input("damaged-file")
def test_flipped_bits_never_pass_as_another_error(traces, path):
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.integers(0, len(content), 40):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            Trace.load(path)
        except ValueError as error:
            assert "not a readable trace" in str(error)  # noqa: PT017


@pytest.mark.bad_input("endless-file")
def test_devices_are_refused_unread():
    with pytest.raises(ValueError, match="/dev/zero: not a readable trace: it must be a regular"):
        Trace.load("/dev/zero")


def test_a_layer_that_is_not_in_the_trace(traces):
    with pytest.raises(KeyError, match=r"no layer 'fc' in the trace; there are .*0\.wrapped"):
        traces["fc"]
    assert "fc" not in traces
    assert traces.get("fc") is None
    with pytest.raises(KeyError, match="no layer 'fc' in the trace; there are none"):
        Trace({})["fc"]


def test_what_is_no_trace():
    with pytest.raises(TypeError, match="'layers' must be a Mapping, got list"):
        Trace([])


def test_a_bare_array_is_refused(tmp_path):
    np.save(tmp_path / "bare.npy", np.zeros(3))
    with pytest.raises(ValueError, match="not a readable trace"):
        Trace.load(tmp_path / "bare.npy")


def test_an_old_file_stays_where_writing_fails(traces, path, monkeypatch):
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="No space left"):
        traces.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
