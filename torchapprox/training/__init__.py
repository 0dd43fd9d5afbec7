"""What training on a multiplier needs besides the layers: losses and statistics."""

from torchapprox.training.batchnorm_statistics import reestimate_batchnorm
from torchapprox.training.noise_loss import noise_loss

__all__ = ["noise_loss", "reestimate_batchnorm"]
