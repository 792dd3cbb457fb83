"""Types of every value that one part of the harness hands to another, and the protocols that algorithms use.

Standard library only. The values are frozen: a step reads them and makes new ones. `None` means "undefined" and is
printed as a dash; it never means zero. `asked`, `happened` and `concluded` follow the order of a comparison; `reach`
holds what an adapter may use, and `aim` declares what it converges to.
"""

from __future__ import annotations

from benchmark.contract.aim import Aim, AimTarget, Credit, Span
from benchmark.contract.asked import (
    DEFAULT_TIMEOUT_SECONDS,
    FLOOR,
    IMPORTED,
    LATER,
    Algorithm,
    Exam,
    Finding,
    Job,
    Keep,
    Model,
    OwnTask,
    Problem,
    Prompt,
    Setting,
    Severity,
    Split,
    Suite,
    Training,
    Tuning,
)
from benchmark.contract.bounds import Between, OneLine, collision, name_fault
from benchmark.contract.concluded import NO_ESTIMATE, Comparison, Decision, Direction, Estimate, ExamParts, Spread
from benchmark.contract.happened import (
    GREEDY,
    METHOD_PHASES,
    PHASES,
    TRAINING_PHASES,
    Checkpoint,
    Completion,
    Diagnosis,
    Evaluation,
    Outcome,
    Phase,
    Provenance,
    Record,
    Status,
    StepLog,
    Verdict,
    VerdictKind,
)
from benchmark.contract.kept import CrossGrading, ExamProblems, OutcomeColumns
from benchmark.contract.reach import Budget, Policy, Run, Till, TrainablePolicy
from benchmark.contract.task_data import Columns, TaskData
from benchmark.contract.trained import Trained

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "FLOOR",
    "GREEDY",
    "IMPORTED",
    "LATER",
    "METHOD_PHASES",
    "NO_ESTIMATE",
    "PHASES",
    "TRAINING_PHASES",
    "Aim",
    "AimTarget",
    "Algorithm",
    "Between",
    "Budget",
    "Checkpoint",
    "Columns",
    "Comparison",
    "Completion",
    "Credit",
    "CrossGrading",
    "Decision",
    "Diagnosis",
    "Direction",
    "Estimate",
    "Evaluation",
    "Exam",
    "ExamParts",
    "ExamProblems",
    "Finding",
    "Job",
    "Keep",
    "Model",
    "OneLine",
    "Outcome",
    "OutcomeColumns",
    "OwnTask",
    "Phase",
    "Policy",
    "Problem",
    "Prompt",
    "Provenance",
    "Record",
    "Run",
    "Setting",
    "Severity",
    "Span",
    "Split",
    "Spread",
    "Status",
    "StepLog",
    "Suite",
    "TaskData",
    "Till",
    "TrainablePolicy",
    "Trained",
    "Training",
    "Tuning",
    "Verdict",
    "VerdictKind",
    "collision",
    "name_fault",
]
