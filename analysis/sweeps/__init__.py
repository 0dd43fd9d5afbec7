"""Many evaluations on many workers, with results on disk as they arrive."""

from analysis.sweeps.executors import process_pool
from analysis.sweeps.job_loop import JobError, LostJobError, run_jobs
from analysis.sweeps.results_store import Record, ResultsStore, content_key
from analysis.sweeps.sweep import SweepError, sweep, sweep_frame

__all__ = [
    "JobError",
    "LostJobError",
    "Record",
    "ResultsStore",
    "SweepError",
    "content_key",
    "process_pool",
    "run_jobs",
    "sweep",
    "sweep_frame",
]
