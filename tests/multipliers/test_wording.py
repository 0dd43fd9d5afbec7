"""Messages count in the singular and the plural, and list names up to a number."""

import numpy as np
import pytest

import htp
from multipliers import get, parse_cgp
from multipliers.parameters import check_kind
from multipliers.wording import counted, listed


@pytest.mark.parametrize(("number", "text"), [(0, "0 layers"), (1, "1 layer"), (12, "12 layers")])
def test_nouns(number, text):
    assert counted(number, "layer") == text
    assert counted(number, "box", "boxes") == text.replace("layers", "boxes").replace(
        "layer", "box"
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (1, "n0"), (5, "n0, n1, n2, n3, n4"), (6, "n0, n1, n2, n3, n4 and 1 more")],
)  # fmt: skip
def test_lists(count, text):
    assert listed([f"n{i}" for i in range(count)]) == text


@pytest.mark.parametrize(
    ("kind", "article"),
    [(np.ndarray, "an ndarray"), (bytes, "bytes"), (int, "an int"), (htp.HtpModel, "an HtpModel"),
     (str, "a str"), (dict | None, "a dict or None")],
)  # fmt: skip
def test_articles(kind, article):
    with pytest.raises(TypeError, match=f"^'it' must be {article}, got 1j?"):
        check_kind("it", 1.5, kind)


def test_one_gate_and_one_term():
    assert str(parse_cgp("{2,1,1,1,2,1,0}([4]2,3,2)(4)")).endswith(", 1 gate")
    model = htp.fit(get("mul8u_mitchell"), terms=1)
    assert model.name == "mul8u_mitchell, 1 term, table"
    assert str(model.certificate).startswith("2 calls, ")
