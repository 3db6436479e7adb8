"""`python -m training.weights SIGNS`: the weight of each sign, by logistic regression.

SIGNS are JSON lines with `company`, `signs` and `same`, what the signs are to tell: of `training.retelling` or
`training.weighing`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GroupKFold, cross_val_predict


def main() -> None:
    """Fit, print the weights, and how well they tell on companies that were left out."""
    pairs = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    names = sorted({name for pair in pairs for name in pair["signs"]})
    signs = np.array([[pair["signs"].get(name, 0.0) for name in names] for pair in pairs])
    same, company = np.array([pair["same"] for pair in pairs]), np.array([pair["company"] for pair in pairs])
    model = LogisticRegression(C=0.5, max_iter=5000)
    left_out = cross_val_predict(
        model, signs, same, groups=company, cv=GroupKFold(min(8, len(set(company)))), method="predict_proba"
    )[:, 1]
    precision = average_precision_score(same, left_out)
    sys.stdout.write(f"{len(same)} lines, {same.sum()} true; average precision {precision:.2f}\n")
    model.fit(signs, same)
    for name, weight in sorted(zip(names, model.coef_[0], strict=True), key=lambda pair: -abs(pair[1])):
        sys.stdout.write(f"{name:24} {weight:5.2f}\n")
    sys.stdout.write(f"{'to begin with':24} {model.intercept_[0]:5.2f}\n")


if __name__ == "__main__":
    main()
