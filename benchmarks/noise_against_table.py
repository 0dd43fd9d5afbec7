"""Fitted noise against the table that it stands for: the same layers on the same inputs.

``python -m benchmarks.noise_against_table`` traces 256 training images, fits each layer's noise,
and compares its outputs on the test images' operands: difference to the exact layer by the table
and by noise. Prints quantiles over layers and multipliers.
"""

import numpy as np
import torch

import multipliers
import torchapprox
from analysis import noise_parameters
from analysis.noise import noisy
from analysis.workloads.digits import load_digits
from analysis.workloads.digits_models import DIGITS_MODELS
from benchmarks.record import recorded
from benchmarks.retraining import MULTIPLIERS
from torchapprox import InferenceMode, get_approx_modules
from torchapprox.layers import ApproxWrapper


def compare(network: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return (noise - table) / table stdev of the means, and ratios of the stdevs."""
    digits = load_digits(seed)
    model = DIGITS_MODELS[network].trained(digits, seed=seed)
    images = next(digits.train.batches(256)).images
    torchapprox.approximate(model, calibration=[images], mode=InferenceMode.QUANTIZED)
    wrappers = {
        f"{name}.wrapped": module
        for name, module in model.named_modules()
        if isinstance(module, ApproxWrapper)
    }
    inputs = {}
    hooks = [
        module.register_forward_hook(lambda _, x, y, name=name: inputs.__setitem__(name, (x[0], y)))
        for name, module in wrappers.items()
    ]
    with torch.no_grad():
        with torchapprox.trace(model) as traced:
            model(images)
        model(digits.test.images)
    for hook in hooks:
        hook.remove()
    layers, shifts, ratios = dict(get_approx_modules(model)), [], []
    for multiplier in MULTIPLIERS:
        parameters = noise_parameters(multipliers.get(multiplier), traced)
        for name, (x, exact) in inputs.items():
            layer = layers[name]
            layer.multiplier = multipliers.get(multiplier)
            layer.inference_mode = InferenceMode.APPROXIMATE
            with torch.no_grad():
                by_table = wrappers[name](x) - exact
                with noisy(model, parameters, seed=1):
                    by_noise = wrappers[name](x) - exact
            layer.inference_mode = InferenceMode.QUANTIZED
            stdev = by_table.std()
            shifts.append(float((by_noise.mean() - by_table.mean()) / stdev))
            ratios.append(float(by_noise.std() / stdev))
    return np.array(shifts), np.array(ratios)


def main() -> None:
    """Print the quantiles."""
    for network in ("CNN", "ViT"):
        shifts, ratios = compare(network)
        low, median, high = np.quantile(ratios, (0.05, 0.5, 0.95))
        print(
            f"{network}: {len(ratios)} layers x multipliers; stdev noise / table: median "
            f"{median:.3f}, 5..95 % {low:.2f}..{high:.2f}; mean off by "
            f"{np.median(np.abs(shifts)):.3f} (median), {np.abs(shifts).max():.3f} (worst) of the "
            "table's stdev"
        )


if __name__ == "__main__":
    recorded(main)
