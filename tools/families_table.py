#!/usr/bin/env python3
"""The tables of families in docs/architectures.md, from what the tests saw.

Usage: families_table.py BUILD_FOLDER [PAGE]      PAGE: docs/architectures.md, whose tables are replaced

Runs the tests of every family and writes a mark only where they passed; a test that skips leaves a gap.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

DECODERS = {
    "answers as transformers": ["LogitsEqualTheReference", "GreedyTextEqualsTheReferenceWithAndWithoutAStore"],
    "trains": ["LossAndEveryGradientEqualTheReference"],
    "adapters": ["AnAdapterOfAllLinearsStartsAsNothingAndTrains"],
    "taps": ["EverySiteThatTheModelHasCanBeTapped"],
    "HF out and in": ["AFolderWrittenAndReadAgainGivesTheSameLogits"],
    "GGUF out and in": ["AGgufFileWrittenAndReadAgainGivesTheSameLogits"],
}
ENCODERS = {
    "states as transformers": ["StatesEqualTheReference", "ATextHasTheStatesThatItHasAlone"],
    "trains": ["LossAndEveryGradientEqualTheReference"],
    "adapters": ["AnAdapterOfAllLinearsStartsAsNothing"],
    "HF out and in": ["AFolderWrittenAndReadAgainGivesTheSameStates"],
    "GGUF out and in": ["AGgufFileWrittenAndReadAgainGivesTheSameStates"],
}
SEQ2SEQ = {
    "logits as transformers": ["StatesAndLogitsEqualTheReference", "KeptKeysAndValuesGiveTheSameLogits"],
    "answers as transformers": ["GreedyAnswersEqualTransformers"],
    "beams as transformers": ["BeamsEqualTransformers"],
    "trains": ["LossAndEveryGradientEqualTheReference"],
    "adapters": ["AnAdapterOfAllLinearsStartsAsNothingAndTrains"],
    "taps": ["EverySiteThatTheModelHasCanBeTapped"],
    "HF out and in": ["AFolderWrittenAndReadAgainGivesTheSameLogits"],
    "GGUF out and in": ["AGgufFileWrittenAndReadAgainGivesTheSameLogits"],
}
HEADS = {
    "logits as transformers": ["LogitsEqualTheReference"],
    "trains": ["LossAndEveryGradientEqualTheReference"],
    "HF out and in": ["AFolderWrittenAndReadAgainIsTheSameModel"],
}
# mark in the page: (part of the suites' names, columns)
TABLES = {"families": ("DecoderFamilies", DECODERS), "encoders": ("EncoderFamilies", ENCODERS),
          "heads": ("EncoderHeads", HEADS), "encoder-decoders": ("Seq2Seq", SEQ2SEQ)}
PROGRAMS = ["bantam_test_model", "bantam_test_generate"]


def results(build, suite_name):
    seen = {}
    for program in PROGRAMS:
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            subprocess.run([build / program, f"--gtest_filter=Models/{suite_name}*", f"--gtest_output=json:{out.name}"],
                           stdout=subprocess.DEVNULL, check=False)
            report = json.load(open(out.name))
        for suite in report["testsuites"]:
            for test in suite["testsuite"]:
                name, _, case = test["name"].partition("/")
                passed = test["result"] == "COMPLETED" and "failures" not in test
                seen.setdefault(case, {})[name] = passed
    return seen


def table(columns, seen):
    lines = ["| model | " + " | ".join(columns) + " |", "| --- |" + " :-: |" * len(columns)]
    for case in sorted(seen):
        marks = ["yes" if all(seen[case].get(test) for test in tests) else "" for tests in columns.values()]
        lines.append(f"| {case} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    page = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "docs/architectures.md")
    text = page.read_text()
    for mark, (suite, columns) in TABLES.items():
        opening = f"<!-- {mark} -->"
        begin, end = text.index(opening) + len(opening), text.index(f"<!-- end of {mark} -->")
        text = text[:begin] + "\n" + table(columns, results(build, suite)) + "\n" + text[end:]
    page.write_text(text)


if __name__ == "__main__":
    main()
