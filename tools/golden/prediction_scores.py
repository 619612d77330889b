#!/usr/bin/env python3
"""How good predictions are, as SciPy, scikit-learn and seqeval compute it.

Usage: prediction_scores.py OUTPUT_FILE      (needs scipy, scikit-learn, seqeval)

Writes JSON: "correlation" of numbers with ties, "label_sets" of texts, "entities" of tag sequences in every form that
seqeval reads (B- and I-, entities that begin with I-, E- and S-), each with what the library makes of it.
"""
import json
import pathlib
import random
import sys
import warnings

import numpy as np
import scipy.stats
from seqeval.metrics import accuracy_score, f1_score as entity_f1, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer


def correlations(rng):
    cases = []
    for count, levels in ((3, 9), (20, 6), (40, 1000), (5, 1)):
        a = [rng.randrange(levels) / 4 for _ in range(count)]
        b = [x + rng.gauss(0, 1) for x in a]
        constant = len(set(a)) == 1
        cases.append({"a": a, "b": b, "spearman": 0.0 if constant else float(scipy.stats.spearmanr(a, b).statistic),
                      "rmse": float(np.sqrt(np.mean((np.array(a) - np.array(b)) ** 2)))})
    return cases


def label_sets(rng):
    truth = [sorted(rng.sample(range(6), rng.randrange(4))) for _ in range(50)]
    found = [sorted({x for x in row if rng.random() < 0.8} | {rng.randrange(6)}) if rng.random() < 0.7 else row
             for row in truth]
    as_rows = MultiLabelBinarizer(classes=range(6))
    a, b = as_rows.fit_transform(truth), as_rows.fit_transform(found)
    return {"truth": truth, "found": found, "micro_f1": float(f1_score(a, b, average="micro")),
            "exact": float(np.mean((a == b).all(axis=1)))}


def tag_sequences(rng, prefixes, count):
    tags = [f"{prefix}-{label}" for prefix in prefixes for label in ("PER", "LOC", "PRODUCT-NAME")] + ["O", "O", "O"]
    return [[rng.choice(tags) for _ in range(rng.randrange(1, 12))] for _ in range(count)]


def entities(rng):
    cases = []
    for prefixes in ("BI", "BIES"):
        truth = tag_sequences(rng, prefixes, 30)
        everything = [tag for row in truth for tag in row]
        found = [[tag if rng.random() < 0.75 else rng.choice(everything) for tag in row] for row in truth]
        cases.append({"truth": truth, "found": found,
                      "entities": [[list(one) for one in get_entities(row)] for row in truth],
                      "precision": float(precision_score(truth, found)), "recall": float(recall_score(truth, found)),
                      "f1": float(entity_f1(truth, found)), "accuracy": float(accuracy_score(truth, found))})
    return cases


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(3)
    golden = {"correlation": correlations(rng), "label_sets": label_sets(rng), "entities": entities(rng)}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
