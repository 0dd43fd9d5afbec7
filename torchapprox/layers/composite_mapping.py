"""Which approximate module stands for which module of several or no weights."""

from collections.abc import Collection

from torch import nn

from torchapprox.layers.approx_matmul import ApproxMatmul
from torchapprox.layers.approx_multihead_attention import ApproxMultiheadAttention
from torchapprox.layers.approx_recurrent import ApproxGRU, ApproxLSTM, ApproxRNN
from torchapprox.layers.approx_recurrent_cell import ApproxGRUCell, ApproxLSTMCell, ApproxRNNCell
from torchapprox.layers.approx_scaled_dot_product_attention import ApproxScaledDotProductAttention
from torchapprox.layers.composite import Composite
from torchapprox.layers.float_products import Matmul, ScaledDotProductAttention
from torchapprox.layers.layer_mapping import layer_mapping_dict


def composite_mapping_dict() -> dict[type[nn.Module], type[Composite]]:
    """Return float module types and the approximate types that own their quantisers.

    They replace a module as a whole, without an `ApproxWrapper` around it.
    """
    return {
        nn.MultiheadAttention: ApproxMultiheadAttention,
        nn.LSTM: ApproxLSTM,
        nn.GRU: ApproxGRU,
        nn.RNN: ApproxRNN,
        nn.LSTMCell: ApproxLSTMCell,
        nn.GRUCell: ApproxGRUCell,
        nn.RNNCell: ApproxRNNCell,
        Matmul: ApproxMatmul,
        ScaledDotProductAttention: ApproxScaledDotProductAttention,
    }


def convertible_types() -> frozenset[type[nn.Module]]:
    """Return every float module type that a conversion replaces.

    Examples:
        >>> {nn.Linear, nn.LSTM} <= convertible_types()
        True
    """
    return frozenset(layer_mapping_dict()) | frozenset(composite_mapping_dict())


def is_composite(module: nn.Module) -> bool:
    """Whether a module is one of the approximate types that own their quantisers.

    Examples:
        >>> is_composite(ApproxMatmul()), is_composite(Matmul())
        (True, False)
    """
    types: Collection[type] = composite_mapping_dict().values()
    return type(module) in types
