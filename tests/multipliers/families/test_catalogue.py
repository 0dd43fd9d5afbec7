"""The package's own library: names, entries, tables and netlists."""

import pickle
from collections import defaultdict

import numpy as np
import pytest

import multipliers
from multipliers import CatalogueEntry, Multiplier, families, get, get_netlist, info, names

WIDTHS = range(2, 9)


def test_size_and_families():
    assert 60 <= len(names()) <= 110
    assert {info(name).family for name in names()} == set(families.FAMILIES)
    assert names() == tuple(name for key in families.FAMILIES for name in names(family=key))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_entry_can_be_built(width):
    for name in names(width=width):
        entry, multiplier = info(name), get(name)
        assert name.startswith(f"mul{width}{'s' if entry.signed else 'u'}_")
        assert multiplier.name == entry.name == name
        for port in (multiplier.x_port, multiplier.w_port):
            assert (port.width, port.signed) == (width, entry.signed)
        assert entry.citation
        assert entry.signed == (entry.signed_form is not None)


@pytest.mark.parametrize("width", [2, 3, 6, 8])
def test_closed_form_and_netlist_agree(width):
    for name in names(width=width):
        entry = info(name)
        if entry.has_netlist:
            netlist = get_netlist(name)
            assert netlist.name == name
            assert np.array_equal(Multiplier.from_netlist(netlist).lut, get(name).lut), name


def test_which_families_have_netlists():
    without = {info(name).family for name in names() if not info(name).has_netlist}
    assert without == {
        "udm", "drum", "mitchell", "ilm", "mbm", "roba", "ssm", "essm", "tosam",
    }  # fmt: skip
    assert info("mul8u_udm").has_netlist
    assert not info("mul8s_udm").has_netlist


def test_no_multiplier_is_there_twice():
    same = defaultdict(set)
    for name in names():
        same[get(name).digest].add(name.split("_", 1)[1])
    twice = {frozenset(group) for group in same.values() if len(group) > 1}
    assert twice == {frozenset({"array", "dadda", "wallace"})}


def test_short_forms_are_unsigned_eight_bit():
    assert get("drum4") is get("mul8u_drum4")
    assert get_netlist("bam_h0_v7") is get_netlist("mul8u_bam_h0_v7")
    for name in names():
        if name.startswith("mul8u_"):
            assert info(name.removeprefix("mul8u_")) is info(name)


def test_entries():
    entry = info("mul8s_ppp_j2_k1")
    assert entry == CatalogueEntry(
        name="mul8s_ppp_j2_k1",
        family="ppp",
        arguments=(("j", 2), ("k", 1)),
        width=8,
        signed=True,
        signed_form="two's complement",
        definition="x (w without bits j to j + k - 1)",
        citation=entry.citation,
        has_netlist=True,
    )
    assert "Zervakis" in entry.citation
    assert entry.parameters == {"j": 2, "k": 1}
    assert pickle.loads(pickle.dumps(entry)) == entry
    assert info("mul8s_drum4").signed_form == "sign-magnitude"
    assert info("mul8u_drum4").signed_form is None


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("mul8s_drum4", "multipliers.families.drum(k=4, sign_magnitude=True, width=8)"),
        ("mul4u_bam_h0_v4", "multipliers.families.bam(h=0, v=4, signed=False, width=4)"),
        ("ct_v6_corrected", "multipliers.families.ct(corrected=True, v=6, signed=False, width=8)"),
        ("array", "array_multiplier(signed=False, width=8)"),
    ],
)
def test_sources_state_the_call(name, source):
    assert get(name).source == source


def test_sources_can_be_called():
    multiplier = get("mul8s_tosam_h1_t5")
    module, _, call = multiplier.source.rpartition(".")
    assert module == "multipliers.families"
    function, _, arguments = call.partition("(")
    product = eval(f"families.{function}(-100, 77, {arguments}", {"families": families})
    assert product == multiplier.lut[156, 77]


def test_the_shipped_netlist_is_one_of_them():
    shipped = multipliers.read_verilog(multipliers.demo_netlist())
    assert Multiplier.from_netlist(shipped).digest == get(shipped.name).digest


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: get("drum44"),
            LookupError,
            r"is called 'drum44' \(did you mean 'drum4' or .*\); names\(\) lists them all",
        ),
        (lambda: get("bam_h0"), LookupError, "did you mean 'bam_h0_v4' or 'bam_h0_v6' or"),
        (lambda: info("mul8s_bam_h0_v9"), LookupError, "did you mean 'mul8s_bam_h0_v"),
        (lambda: get("?"), LookupError, r"no multiplier is called '\?'; names\(\) lists them all"),
        (lambda: get("mul12u_drum4"), LookupError, "widths from 2 to 8, got 'mul12u_drum4'"),
        (lambda: get(4), TypeError, "'name' must be a str, got int"),
        (
            lambda: get_netlist("drum4"),
            LookupError,
            "'mul8u_drum4' is a closed form without a netlist",
        ),
        (lambda: get_netlist("mul8s_udm"), LookupError, "'mul8s_udm' is a closed form"),
        (
            lambda: names(family="drun"),
            LookupError,
            r"no family is called 'drun' \(did you mean 'drum'.*\); there are udm, drum, ",
        ),
        (lambda: names(width=9), ValueError, "'width' must be from 2 to 8, got 9"),
        (lambda: names(width="8"), TypeError, "'width' must be an int, got '8'"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
