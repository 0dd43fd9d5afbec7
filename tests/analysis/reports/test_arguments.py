"""What is of another kind than reports and studies of models take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import MULTIPLIER, X


def studied(given, *arguments, **options):
    return analysis.study(analysis.Workload(given.model, [X], [X], "t"), *arguments, **options)


RESULTS = [
    (lambda _, path: analysis.write_report({}, path), "'results' must be a Results, got dict"),
    (lambda given, _: analysis.study(given.model, MULTIPLIER), "'workload' must be a Workload"),
    (
        lambda given, _: studied(given, "tm_k3"),
        "'multiplier' must be a Multiplier, got 'tm_k3'",
    ),
    (
        lambda given, path: studied(given, MULTIPLIER, netlist=path),
        "'netlist' must be a Netlist, got PosixPath",
    ),
    (
        lambda given, _: analysis.explain(given.model, "tm_k3", [X], [X]),
        "'multiplier' must be a Mult",
    ),
]


@pytest.mark.parametrize(("call", "message"), RESULTS)
@pytest.mark.bad_input("no-results")
def test_what_are_no_results(call, message, given, tmp_path):
    with pytest.raises(TypeError, match=message):
        call(given, tmp_path)
