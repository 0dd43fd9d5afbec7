"""What the layers of a running model multiply, in memory that does not grow."""

from torchapprox.tracing.channel_means import channel_error_means
from torchapprox.tracing.layer_trace import LayerTrace
from torchapprox.tracing.layer_tracer import LayerTracer
from torchapprox.tracing.observation import observe_operands, trace
from torchapprox.tracing.operand_sample import OperandSample
from torchapprox.tracing.ports import check_operands, check_trace
from torchapprox.tracing.trace import Trace

__all__ = [
    "LayerTrace",
    "LayerTracer",
    "OperandSample",
    "Trace",
    "channel_error_means",
    "check_operands",
    "check_trace",
    "observe_operands",
    "trace",
]
