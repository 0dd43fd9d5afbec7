"""Networks, data and training that measurements and commands run on."""

from analysis.workloads.digits import Digits, digits_network, load_digits
from analysis.workloads.digits_models import DIGITS_MODELS, DigitsModel
from analysis.workloads.labelled import Labelled
from analysis.workloads.training import accuracy, train
from analysis.workloads.workload import Workload, load_workload

__all__ = [
    "DIGITS_MODELS",
    "Digits",
    "DigitsModel",
    "Labelled",
    "Workload",
    "accuracy",
    "digits_network",
    "load_digits",
    "load_workload",
    "train",
]
