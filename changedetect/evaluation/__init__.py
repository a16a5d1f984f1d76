"""Weighing results: predictions against references, and maps by a stratified sample of labelled points.

A stage like the others: it reads what they wrote, and imports none of them.
"""

from changedetect.errors import EvaluationError
from changedetect.evaluation.assessing import Assessment, Design, assess, read_design, read_labels
from changedetect.evaluation.design import Allocation, SampleOptions
from changedetect.evaluation.estimates import ClassEstimates, Stratified
from changedetect.evaluation.evaluating import evaluate
from changedetect.evaluation.options import Estimate, EvaluateOptions
from changedetect.evaluation.results import AreaScores, Evaluation, ObjectScores
from changedetect.evaluation.sampling import Sample, sample_maps, sample_polygons

__all__ = [
    "Allocation",
    "AreaScores",
    "Assessment",
    "ClassEstimates",
    "Design",
    "Estimate",
    "EvaluateOptions",
    "Evaluation",
    "EvaluationError",
    "ObjectScores",
    "Sample",
    "SampleOptions",
    "Stratified",
    "assess",
    "evaluate",
    "read_design",
    "read_labels",
    "sample_maps",
    "sample_polygons",
]
