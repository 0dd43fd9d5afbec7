"""The main job from a network to a report, and what the report explains."""

from analysis.reports.demo import Budget, run_demo
from analysis.reports.explanation import Explanation, explain
from analysis.reports.model_study import study
from analysis.reports.report import write_report
from analysis.reports.results import Accuracy, Results

__all__ = [
    "Accuracy",
    "Budget",
    "Explanation",
    "Results",
    "explain",
    "run_demo",
    "study",
    "write_report",
]
