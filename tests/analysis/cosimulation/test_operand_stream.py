"""Operand streams: their order, what a port reads of them, the energy that they take."""

import contextlib

import numpy as np
import pytest
import torch

import torchapprox
from analysis.cosimulation.operand_stream import OperandStream, record_stream
from analysis.cosimulation.stream_energy import operand_energy
from multipliers import CellTable, Op, get_netlist, parse_verilog, toggle_energy


def random_stream(pairs, seed=0):
    return OperandStream(*np.random.default_rng(seed).integers(0, 256, (2, pairs), dtype=np.uint8))


def small_model():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 2, groups=2), torch.nn.Flatten())
    x = torch.randn(3, 2, 3, 3)
    torchapprox.approximate(model, calibration=[x])
    return model, x


def test_order():
    model, x = small_model()
    seen = []
    with torchapprox.observe_operands(model, lambda _, operands, __: seen.append(operands)):
        stream = record_stream(model, "0.wrapped", [x[:2], x[2:]])
    expected = [
        (int(a), int(b))
        for operands in seen
        for x_group, w_group in zip(operands.x_codes, operands.w_codes, strict=True)
        for row in x_group
        for column in w_group
        for a, b in zip(row, column, strict=True)
    ]
    assert list(zip(stream.x_codes.tolist(), stream.w_codes.tolist(), strict=True)) == expected


def test_limit():
    model, x = small_model()
    whole = record_stream(model, "0.wrapped", [x])
    part = record_stream(model, "0.wrapped", iter([x[:1], x[1:], None]), limit=70)
    assert len(part) == 70
    assert part.x_codes[:20].tolist() == whole.x_codes[:20].tolist()


def test_errors():
    model, x = small_model()
    with pytest.raises(LookupError, match=r"no approximate layer 'head'; the model has 0\.wrap"):
        record_stream(model, "head", [x])
    with pytest.raises(ValueError, match="'limit' must be at least 1, got 0"):
        record_stream(model, "0.wrapped", [x], limit=0)
    with pytest.raises(ValueError, match="must reach layer"):
        record_stream(model, "0.wrapped", [])
    with pytest.raises(TypeError, match=r"'x_codes' must be uint8 \(pairs,\), got int64"):
        OperandStream(np.zeros(3, np.int64), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="equally long"):
        OperandStream(np.zeros(3, np.uint8), np.zeros(4, np.uint8))


def test_round_trip(tmp_path):
    stream = random_stream(70)
    stream.save(tmp_path / "s.npz")
    assert np.array_equal(OperandStream.load(tmp_path / "s.npz").w_codes, stream.w_codes)
    (tmp_path / "s.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"s\.npz: not a \.npz file, or a damaged one"):
        OperandStream.load(tmp_path / "s.npz")
    np.savez(tmp_path / "s.npz", x_codes=stream.x_codes)
    with pytest.raises(ValueError, match=r"s\.npz: not an operand stream, there is no 'w_codes'"):
        OperandStream.load(tmp_path / "s.npz")
    np.savez(tmp_path / "s.npz", x_codes=stream.x_codes, w_codes=stream.w_codes[1:])
    with pytest.raises(ValueError, match=r"s\.npz: not an operand stream: .* equally long"):
        OperandStream.load(tmp_path / "s.npz")


def test_any_damage_to_a_stream_is_a_value_error(tmp_path):
    path, rng = tmp_path / "s.npz", np.random.default_rng(0)
    random_stream(300).save(path)
    whole = path.read_bytes()
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(content[: rng.integers(1, len(content) + 1)])
        with contextlib.suppress(ValueError):
            OperandStream.load(path)


def test_joint_counts():
    stream = random_stream(5000)
    expected = np.zeros((256, 256), dtype=int)
    for x, w in zip(stream.x_codes.tolist(), stream.w_codes.tolist(), strict=True):
        expected[x, w] += 1
    assert np.array_equal(stream.joint_counts, expected)


def test_joint_counts_are_those_of_the_trace():
    model, x = small_model()
    stream = record_stream(model, "0.wrapped", [x])
    with torch.no_grad(), torchapprox.trace(model) as traces:
        model(x)
    assert np.array_equal(stream.joint_counts, traces["0.wrapped"].joint_counts)


def test_port_bits_are_those_of_values_that_fit():
    values = np.arange(-8, 16)
    stream = OperandStream(values.astype(np.uint8), np.zeros(24, dtype=np.uint8))
    assert stream.port_bits(4, 1)[0].tolist() == [value % 16 for value in range(-8, 16)]
    assert random_stream(9).port_bits(8, 8)[1].tolist() == random_stream(9).w_codes.tolist()


@pytest.mark.parametrize("code", [16, 128, 247])
def test_a_code_that_no_port_accepts(code):
    zeros, codes = np.zeros(2, dtype=np.uint8), np.array([1, code], dtype=np.uint8)
    with pytest.raises(ValueError, match=f"activations must fit a port of 4 bits, got code {code}"):
        OperandStream(codes, zeros).port_bits(4, 8)
    with pytest.raises(ValueError, match=f"weights must fit a port of 4 bits, got code {code}"):
        OperandStream(zeros, codes).port_bits(8, 4)


def test_energy_of_a_layer_is_that_of_its_operands_in_their_order():
    model, x = small_model()
    stream = record_stream(model, "0.wrapped", [x])
    array = get_netlist("mul8s_array")
    found = operand_energy(array, stream)
    by_hand = toggle_energy(array, stream.x_codes, stream.w_codes)
    assert found.energy_per_multiplication == by_hand.energy_per_multiplication > 0
    # Held weights toggle less: the same pairs, sorted by weight and activation.
    order = np.lexsort((stream.x_codes, stream.w_codes))
    held = OperandStream(stream.x_codes[order], stream.w_codes[order])
    assert np.array_equal(held.joint_counts, stream.joint_counts)
    assert operand_energy(array, held).energy_per_multiplication < found.energy_per_multiplication


def test_energy_by_the_users_cells():
    stream, array = random_stream(400), get_netlist("mul8u_array")
    cells = CellTable("mine", {op.name: 1.0 for op in Op}, {op.name: 0.25 for op in Op})
    found = operand_energy(array, stream, cells=cells)
    assert found.cells == "mine"
    expected = 0.25 * found.toggles_per_multiplication
    assert found.energy_per_multiplication == pytest.approx(expected)


def test_energy_of_narrow_ports():
    values = np.random.default_rng(1).integers(-8, 8, (2, 300))
    stream = OperandStream(*values.astype(np.uint8))
    narrow = get_netlist("mul4s_array")
    found = operand_energy(narrow, stream).energy_per_multiplication
    assert found == toggle_energy(narrow, *values).energy_per_multiplication
    with pytest.raises(ValueError, match="activations must fit a port of 4 bits"):
        operand_energy(narrow, random_stream(300))


def test_energy_of_a_circuit_that_is_no_multiplier():
    text = "module m(input [7:0] a, output [7:0] y); assign y = ~a; endmodule"
    with pytest.raises(ValueError, match="'netlist' must have two input ports, got m"):
        operand_energy(parse_verilog(text), random_stream(9))
