"""Networks of torchvision, timm and Hugging Face: what is converted, and whether it is right.

``python -m benchmarks.library_networks`` takes the networks of those libraries that are installed,
with random weights, and checks three things on two images or sequences: that the exact product
computes bit for bit what QUANTIZED mode does, that the way back computes what the float network
did, and which share of the multiplications goes through a multiplier. No weights are downloaded.
"""

import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

import torchapprox
from benchmarks.record import recorded
from torchapprox import InferenceMode

Network = tuple[nn.Module, dict[str, Tensor]]
MULTIPLIER = "mul8s_bam_h0_v8"
TORCHVISION = (
    "alexnet convnext_tiny densenet121 efficientnet_b0 googlenet mnasnet0_5 mobilenet_v2 "
    "mobilenet_v3_small regnet_y_400mf resnet18 shufflenet_v2_x0_5 squeezenet1_1 vit_b_16"
)
TIMM = (
    "deit_tiny_patch16_224 edgenext_xx_small efficientvit_b0 ghostnetv3_050 levit_128s "
    "mixer_s32_224 mobilenetv3_small_050 mobilevit_xxs poolformer_s12 repvgg_a0 resnest14d "
    "swin_tiny_patch4_window7_224 vit_tiny_patch16_224 xcit_nano_12_p16_224"
)
SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "vocab_size": 99,
}
TRANSFORMERS: dict[str, dict[str, Any]] = {
    "BertForSequenceClassification": SMALL,
    "GPT2LMHeadModel": {"n_embd": 64, "n_head": 4, "n_layer": 2, "vocab_size": 99},
    "LlamaForCausalLM": {**SMALL, "num_key_value_heads": 2},
    "T5ForConditionalGeneration": {"d_ff": 64, "decoder_start_token_id": 0, "num_layers": 2},
    "ViTForImageClassification": SMALL,
    "ResNetForImageClassification": {},
}


def torchvision_networks() -> Iterator[tuple[str, Callable[[], Network]]]:
    """Yield names and constructors."""
    models: Any = importlib.import_module("torchvision.models")

    for name in TORCHVISION.split():
        options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
        size = 224 if name.startswith("vit") else 64

        def make(name: str = name, size: int = size, options: Any = options) -> Network:
            images = torch.randn(2, 3, size, size)
            return models.get_model(name, weights=None, **options), {"x": images}

        yield name, make


def timm_networks() -> Iterator[tuple[str, Callable[[], Network]]]:
    """Yield names and constructors."""
    timm: Any = importlib.import_module("timm")

    for name in TIMM.split():

        def make(name: str = name) -> Network:
            model = timm.create_model(name, pretrained=False)
            return model, {"x": torch.randn(2, *model.default_cfg["input_size"])}

        yield name, make


def transformers_networks() -> Iterator[tuple[str, Callable[[], Network]]]:
    """Yield names and constructors."""
    transformers: Any = importlib.import_module("transformers")

    for name, options in TRANSFORMERS.items():

        def make(name: str = name, options: Any = options) -> Network:
            kind = getattr(transformers, name)
            config = kind.config_class(**options)
            model = kind(config)
            if kind.main_input_name == "pixel_values":
                side = getattr(config, "image_size", 64)
                return model, {"pixel_values": torch.randn(2, 3, side, side)}
            ids = torch.randint(2, 90, (2, 7))
            return model, {"input_ids": ids, **({"labels": ids} if "T5" in name else {})}

        yield name, make


def row(name: str, make: Callable[[], Network]) -> str:
    """Return one line on a network."""
    torch.manual_seed(0)
    model, batch = make()
    model.eval()
    with torch.no_grad():
        wanted = _output(model, batch)
        try:
            wrapped = len(torchapprox.wrap_attention_calls(model, batch))
        except ValueError:  # it calls no such function
            wrapped = 0
        summary = torchapprox.approximate(model, MULTIPLIER, calibration=[batch])
        share = torchapprox.coverage(model, batch).share
        layers = torchapprox.get_approx_modules(model)
        for _, layer in layers:
            layer.multiplier = None
        exact = _output(model, batch)
        for _, layer in layers:
            layer.inference_mode = InferenceMode.QUANTIZED
        quantised = _output(model, batch)
        torchapprox.revert(model)
        back = _output(model, batch)
    checks = [
        "yes" if torch.equal(*pair) else "NO" for pair in ((exact, quantised), (back, wanted))
    ]
    kinds = ", ".join(sorted({kind for _, kind in summary.left_exact})) or "nothing"
    cells = name, len(layers), wrapped, f"{share:.1%}", kinds, *checks
    return "| " + " | ".join(map(str, cells)) + " |"


def _output(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    keywords = len(batch) > 1 or "x" not in batch
    output = model(**batch) if keywords else model(*batch.values())
    return output if isinstance(output, Tensor) else output.logits


def main() -> None:
    """Print a table for each library that is installed."""
    warnings.simplefilter("ignore")
    found = {
        "torchvision": torchvision_networks,
        "timm": timm_networks,
        "transformers": transformers_networks,
    }
    for library, networks in found.items():
        if importlib.util.find_spec(library) is None:
            print(f"{library} is not installed.\n")
            continue
        version = importlib.import_module(library).__version__
        print(f"{library} {version}:\n")
        print("| network | layers | attention calls in | on a multiplier | left exact | ", end="")
        print("exact product = QUANTIZED | reverted = float |")
        print("|---|---|---|---|---|---|---|")
        for name, make in networks():
            print(row(name, make), flush=True)
        print()


if __name__ == "__main__":
    recorded(main)
