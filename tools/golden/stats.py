"""Writes tests/golden/stats.json: what scikit-learn and SciPy compute on small inputs.

Usage: python tools/golden/stats.py tests/golden
"""

import json
import pathlib
import random
import sys

import numpy as np
import scipy
import scipy.stats
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

TEXTS = [
    "Real-time strategy game of ancient warfare",
    "strategy game engine, data files",
    "Fast mail transfer agent",
    "mail reader for the text console; reads mail",
    "fonts for Tamil — தமிழ் எழுத்துரு",
    "Schriften für Überschriften, größer als 12pt",
    "IRC client (text console)",
    "a b c x_1 2D/3D plots",
    "SQL data base: client and data files",
    "plots of data, the data plots itself",
    "ΜΑΘΗΜΑΤΙΚΑ математика",
    "network client for mail and news",
]
LABELS3 = [0, 0, 1, 1, 2, 2, 1, 0, 2, 0, 2, 1]
LABELS2 = [0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1]
UNSEEN = ["mail client", "strategy of plots", "zzz", "data files for fonts"]


def sparse(matrix):
    matrix = matrix.tocsr()
    matrix.sort_indices()
    return [
        {"columns": matrix[i].indices.tolist(), "values": matrix[i].data.tolist()} for i in range(matrix.shape[0])
    ]


def tfidf():
    cases = []
    for name, options in {
        "words": dict(ngram_range=(1, 2)),
        "words_sublinear": dict(ngram_range=(1, 1), sublinear_tf=True, min_df=2),
        "characters": dict(analyzer="char_wb", ngram_range=(2, 4)),
    }.items():
        vectorizer = TfidfVectorizer(**options)
        fitted = vectorizer.fit_transform(TEXTS)
        cases.append(
            {
                "name": name,
                "features": vectorizer.get_feature_names_out().tolist(),
                "idf": vectorizer.idf_.tolist(),
                "rows": sparse(fitted),
                "unseen": sparse(vectorizer.transform(UNSEEN)),
            }
        )
    return {"texts": TEXTS, "unseen": UNSEEN, "cases": cases}


def regression():
    cases = []
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    rows = vectorizer.fit_transform(TEXTS)
    for labels, c in ((LABELS3, 1.0), (LABELS3, 30.0), (LABELS2, 4.0)):
        model = LogisticRegression(C=c, tol=1e-10, max_iter=10000).fit(rows, labels)
        cases.append(
            {
                "labels": labels,
                "c": c,
                "weights": model.coef_.tolist(),
                "intercepts": model.intercept_.tolist(),
                "log_probabilities": model.predict_log_proba(vectorizer.transform(UNSEEN)).tolist(),
            }
        )
    return cases


def classification():
    rng = random.Random(7)
    truth = [rng.choice([0, 0, 0, 1, 1, 2, 3]) for _ in range(80)]
    guess = [t if rng.random() < 0.6 else rng.choice([0, 1, 2, 4]) for t in truth]
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, guess, labels=range(6), zero_division=0
    )
    return {
        "truth": truth,
        "prediction": guess,
        "classes": 6,
        "accuracy": float(np.mean(np.array(truth) == np.array(guess))),
        "macro_f1": float(f1_score(truth, guess, average="macro", zero_division=0)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "confusion": confusion_matrix(truth, guess, labels=range(6)).tolist(),
    }


def mcnemar():
    return [
        {"fixed": fixed, "broken": broken, "p": float(scipy.stats.binomtest(min(fixed, broken), fixed + broken).pvalue)}
        for fixed, broken in ((0, 1), (3, 3), (10, 2), (2, 10), (60, 31), (900, 800), (1500, 1200))
    ]


def main():
    folder = pathlib.Path(sys.argv[1])
    values = [0.5, 2.0, 3.25, 3.5, 8.0, 9.5]
    fractions = [0, 0.025, 0.3, 0.5, 0.975, 1]
    golden = {
        "made_by": f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {np.__version__}",
        "quantiles": {"sorted": values, "fractions": fractions, "values": np.quantile(values, fractions).tolist()},
        "mcnemar": mcnemar(),
        "classification": classification(),
        "tfidf": tfidf(),
        "logistic_regression": regression(),
    }
    (folder / "stats.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")


main()
