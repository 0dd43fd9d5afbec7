"""The conversion functions under the name by which existing users import them."""

from torchapprox.conversion.wrapping import get_approx_modules, wrap_quantizable

__all__ = ["get_approx_modules", "wrap_quantizable"]
