"""Many evaluations on many workers, with results on disk as they arrive."""

from analysis.sweeps.executors import process_pool
from analysis.sweeps.job_loop import JobError, LostJobError, run_jobs
from analysis.sweeps.layer_assignments import layer_assignments
from analysis.sweeps.prepared_workload import PreparedWorkload, open_workload, prepare_workload
from analysis.sweeps.results_store import Record, ResultsStore, content_key
from analysis.sweeps.search import SearchResult, search
from analysis.sweeps.sweep import SweepError, sweep, sweep_frame
from analysis.sweeps.worker_evaluator import WorkerEvaluator, evaluation_context, worker_evaluator

__all__ = [
    "JobError",
    "LostJobError",
    "PreparedWorkload",
    "Record",
    "ResultsStore",
    "SearchResult",
    "SweepError",
    "WorkerEvaluator",
    "content_key",
    "evaluation_context",
    "layer_assignments",
    "open_workload",
    "prepare_workload",
    "process_pool",
    "run_jobs",
    "search",
    "sweep",
    "sweep_frame",
    "worker_evaluator",
]
